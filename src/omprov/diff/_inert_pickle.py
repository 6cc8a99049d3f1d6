"""Pickles read as data: the stack machine of `pickle` over values that cannot do anything.

Nothing is imported, called or built. What a pickle would look up becomes a `Name`, what it would
call or make an `Opaque` with the arguments it would have got; persistent ids become a `Persistent`.
So no pickle can run code here, whatever it holds.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, Any, BinaryIO

from ._inert_values import BadPickle, Name, Opaque, Pairs, Persistent

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_STEPS = 20_000_000  # opcodes


def read_pickle(file: BinaryIO) -> Any:
    """Read one pickle from a file, up to its end; the file stands after it.

    Returns:
        Numbers, texts, bytes, lists, tuples and what is described above; sets are lists.

    Raises:
        BadPickle: it is no pickle.
    """
    machine = _Machine()
    try:
        for steps, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if steps > _MOST_STEPS:
                raise BadPickle("it takes too many steps")
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadPickle(str(error) or type(error).__name__) from error
    raise BadPickle("it has no end")


_MARK = object()

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
}
_NOTHING = {"PROTO", "FRAME", "READONLY_BUFFER"}


class _Machine:
    """The stack and the memo."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:
        return self._stack.pop()

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in _VALUES:
            self._stack.append(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode not in _NOTHING:
            _STEPS[opcode](self, argument)

    def mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def pop_any(self, _: Any) -> None:
        self._stack.pop()

    def pop_to_mark(self, _: Any) -> None:
        self._since_mark()

    def duplicate(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def remember(self, place: int) -> None:
        self._memo[place] = self._stack[-1]

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def recall(self, place: int) -> None:
        self._stack.append(self._memo[place])

    def empty_list(self, _: Any) -> None:
        self._stack.append([])

    def empty_tuple(self, _: Any) -> None:
        self._stack.append(())

    def empty_dict(self, _: Any) -> None:
        self._stack.append(Pairs())

    def marked_list(self, _: Any) -> None:
        self._stack.append(self._since_mark())

    def marked_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._since_mark()))

    def marked_dict(self, _: Any) -> None:
        self._stack.append(Pairs(_paired(self._since_mark())))

    def tuple_of(self, count: int) -> None:
        items = self._stack[-count:]
        if len(items) < count:
            raise IndexError("the stack is empty")
        del self._stack[-count:]
        self._stack.append(tuple(items))

    def append(self, _: Any) -> None:
        item = self._stack.pop()
        _items_of(self._stack[-1]).append(item)

    def append_marked(self, _: Any) -> None:
        items = self._since_mark()
        _items_of(self._stack[-1]).extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        _items_of(self._stack[-1]).append((key, value))

    def set_marked(self, _: Any) -> None:
        pairs = _paired(self._since_mark())
        _items_of(self._stack[-1]).extend(pairs)

    def name(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(Name(module, name))

    def stacked_name(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError("a name is no text")
        self._stack.append(Name(module, name))

    def extension(self, code: int) -> None:
        self._stack.append(Name("copyreg", f"extension {code}"))

    def call(self, _: Any) -> None:
        args, maker = self._stack.pop(), self._stack.pop()
        self._stack.append(Opaque(maker, args))

    def call_with_keywords(self, _: Any) -> None:
        keywords, args, maker = self._stack.pop(), self._stack.pop(), self._stack.pop()
        self._stack.append(Opaque(maker, args, items=[keywords]))

    def call_named(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(Opaque(Name(module, name), tuple(self._since_mark())))

    def call_marked(self, _: Any) -> None:
        maker, *args = self._since_mark()
        self._stack.append(Opaque(maker, tuple(args)))

    def build(self, _: Any) -> None:
        state = self._stack.pop()
        made = self._stack[-1]
        if isinstance(made, Opaque):
            made.state = state
        else:
            self._stack[-1] = Opaque(made, state=state)

    def persistent(self, argument: str) -> None:
        self._stack.append(Persistent(argument))

    def stacked_persistent(self, _: Any) -> None:
        self._stack.append(Persistent(self._stack.pop()))

    def next_buffer(self, _: Any) -> None:
        self._stack.append(Persistent("buffer"))

    def _since_mark(self) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                items = self._stack[place + 1 :]
                del self._stack[place:]
                return items
        raise IndexError("a mark is missing")


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop_any,
    "POP_MARK": _Machine.pop_to_mark,
    "DUP": _Machine.duplicate,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.remember),
    "MEMOIZE": _Machine.memoize,
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET"), _Machine.empty_list),
    "EMPTY_TUPLE": _Machine.empty_tuple,
    "EMPTY_DICT": _Machine.empty_dict,
    **dict.fromkeys(("LIST", "FROZENSET"), _Machine.marked_list),
    "TUPLE": _Machine.marked_tuple,
    "DICT": _Machine.marked_dict,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": _Machine.append,
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _Machine.append_marked),
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_marked,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stacked_name,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _Machine.extension),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.call),
    "NEWOBJ_EX": _Machine.call_with_keywords,
    "INST": _Machine.call_named,
    "OBJ": _Machine.call_marked,
    "BUILD": _Machine.build,
    "PERSID": _Machine.persistent,
    "BINPERSID": _Machine.stacked_persistent,
    "NEXT_BUFFER": _Machine.next_buffer,
}


def _items_of(container: Any) -> list[Any]:
    if isinstance(container, list):
        return container
    items: list[Any] = container.items
    if not isinstance(items, list):
        raise TypeError("nothing can be put into this")
    return items


def _paired(items: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(items[::2], items[1::2], strict=True))
