"""What is kept out of what is recorded, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.capture._redaction import DEFAULT, REDACTED, Redaction, find_redacted


def _words(text):
    return text.split()


SECRET_NAMES = _words(
    """
    API_KEY OPENAI_API_KEY WANDB_API_KEY api_key apiKey api-key apikey ANTHROPIC_API_KEY
    AWS_SECRET_ACCESS_KEY aws_access_key_id AWS_SESSION_TOKEN SECRET secret client_secret
    SECRET_KEY secretKey private_key SSH_KEY SOME_KEY KEY HF_TOKEN HUGGING_FACE_HUB_TOKEN
    GITHUB_TOKEN token auth_token accessToken access_token refresh_token bearer_token
    token_auth PASSWORD password db_password DB_PASSWORD PGPASSWORD passwd passphrase
    MYSQL_PWD DB_PASS smtp_pass credentials GOOGLE_CREDENTIALS CREDENTIAL auth AUTH
    BASIC_AUTH authorization Authorization COOKIE session_cookie storage_account_key
    consumer_key license_key encryption_key
    """
)
HARMLESS_NAMES = _words(
    """
    tokenizer tokenizer_name tokenizer_path num_tokens max_tokens min_tokens n_tokens
    max_new_tokens tokens tokens_per_batch pad_token eos_token bos_token unk_token
    mask_token sep_token cls_token pad_token_id eos_token_id token_dim token_type
    token_type_ids token_level token_dropout num_token image_token max_token
    additional_special_tokens special_token token_merging TOKENIZERS_PARALLELISM key_dim
    num_keys key key_size image_key label_key sort_key text_key primary_key query_key_value
    keys monkey monkey_patch keyboard turkey hockey keynote keypoints author authors
    authority author_name passes num_passes forward_pass bypass pass_through compass PWD
    OLDPWD pwd path cache_dir password_file secret_name key_path token_file SSH_AUTH_SOCK
    token_url lr batch_size model optimizer seed private_dataset public secretary_problem
    credit_card_loss oauth_url
    """
)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_names(name):
    assert DEFAULT.is_secret(name, "abc")
    assert DEFAULT.mapping({name: "abc"}) == {name: REDACTED}


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_harmless_names(name):
    assert not DEFAULT.is_secret(name, "abc")
    assert DEFAULT.mapping({name: "abc"}) == {name: "abc"}


def test_numbers_and_truth_values_are_no_tokens_but_may_be_passwords():
    values = {"token": 5, "use_auth": True, "api_key": None, "password": 1234, "auth": 0.5}
    assert DEFAULT.mapping(values) == {**values, "password": REDACTED}


def test_a_key_that_looks_random_is_a_secret():
    assert DEFAULT.is_secret("some_key", "A1b2C3d4E5f6G7h8I9j0")
    assert not DEFAULT.is_secret("some_key", "jpg")


# Written in two halves, so that no scanner takes this file for a leak.
SHAPES = [
    "hf_" + "aBcD1234" * 4,
    "ghp_" + "aB1c" * 9,
    "github_pat_" + "aB1c" * 10,
    "glpat-" + "aB1c" * 5,
    "sk-" + "proj-" + "aB1c" * 8,
    "sk_" + "live_" + "aB1c" * 6,
    "AKIA" + "ABCD1234" * 2,
    "xoxb-" + "123456789012-abcdef",
    "AIza" + "aB1cd" * 7,
    "npm_" + "aB1c" * 9,
    "dapi" + "0123abcd" * 4,
    "eyJ" + "hbGciOiJI" + ".eyJ" + "zdWIiOiIx" + ".abcdefgh12",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nabc\n-----END RSA " + "PRIVATE KEY-----",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_known_shapes_of_secrets_go_wherever_they_stand(shape):
    for text in (shape, f"before {shape} after", f"--x={shape}", f"https://example.org/{shape}/a"):
        assert shape not in DEFAULT.text(text)
        assert REDACTED in DEFAULT.text(text)
        assert shape not in str(DEFAULT.mapping({"x": [text]}))
        assert shape not in DEFAULT.shapes(text)


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (["--api-key", "abc", "x"], ["--api-key", REDACTED, "x"]),
        (["--password=abc"], [f"--password={REDACTED}"]),
        (["TOKEN=abc", "python"], [f"TOKEN={REDACTED}", "python"]),
        (["env", "DB_PASSWORD=a b"], ["env", f"DB_PASSWORD={REDACTED} b"]),
        (["--api-key", "--lr", "1"], ["--api-key", "--lr", "1"]),
        (["--tokenizer", "bert", "--max-tokens", "5"], None),
        (["--token-dim", "5", "--key-dim=3", "--author", "ada"], None),
        (["model.lr=0.1", "data.key=jpg", "+x=1"], None),
        (["https://ada:abc@example.org/x"], [f"https://ada:{REDACTED}@example.org/x"]),
        (["https://example.org/?access_token=abc&x=1"],
         [f"https://example.org/?access_token={REDACTED}&x=1"]),
        (["s3://bucket/x?X-Amz-Signature=abc"], [f"s3://bucket/x?X-Amz-Signature={REDACTED}"]),
        (["-H", "Authorization: Bearer abc"], ["-H", f"Authorization: Bearer {REDACTED}"]),
        (["sh", "-c", "API_KEY=abc train --token xyz --lr 1"],
         ["sh", "-c", f"API_KEY={REDACTED} train --token {REDACTED} --lr 1"]),
        (['{"password": "abc", "lr": 1}'], [f'{{"password": "{REDACTED}", "lr": 1}}']),
        (["git@github.com:a/b.git", "user@host:path"], None),
    ],
)  # fmt: skip
def test_command_lines(command, kept):
    assert DEFAULT.words(command) == (command if kept is None else kept)


def test_what_counts_can_be_changed():
    own = Redaction(names=("*_pin", "site-id"), exceptions=("wandb_api_key", "*_public_key"))
    assert own.is_secret("CARD_PIN", 1234)
    assert own.is_secret("site_id")
    assert not own.is_secret("WANDB_API_KEY")
    assert not own.is_secret("api_public_key")
    assert own.is_secret("openai_api_key")


def test_nested_values_and_their_names():
    values = {"a": {"password": "x", "b": [{"token": "y"}, 1]}, "secrets": {"c": "z", "d": ["w"]}}
    kept = DEFAULT.mapping(values)
    assert find_redacted(kept) == ("a.password", "a.b.0.token", "secrets")
    assert kept["a"]["b"][1] == 1
    assert DEFAULT.mapping({"passwords": ["a", "b"]}) == {"passwords": [REDACTED, REDACTED]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=12), json_values, max_size=4))
def test_redaction_twice_is_as_once_and_keeps_the_form(values):
    once = DEFAULT.mapping(values)
    assert DEFAULT.mapping(once) == once


@given(st.lists(st.text(max_size=40), max_size=6))
def test_a_command_keeps_its_number_of_words(command):
    assert len(DEFAULT.words(command)) == len(command)


@given(st.text(alphabet="ab1_-./:=", max_size=40))
def test_texts_without_secrets_stay(text):
    assert DEFAULT.text(text) == text
