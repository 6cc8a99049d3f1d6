"""Which functions open files in native code, and where among their arguments the path is.

Each row: the name in its module, what the call does with the file, and the position and name of the
path. Methods are counted without `self`. What it does: R(eads), W(rites), B(oth, perhaps),
"mode" (told by the next argument, called mode, else it reads), "drain" (no file: what was noted is
written now, for the call tells another process of it).
"""


def _rows(kind, names, position=0, name=None):
    return [(one, kind, position, name) for one in names.split()]


READERS_AND_WRITERS = {
    "multiprocessing.connection": _rows("drain", "Connection._send_bytes"),
    "cv2": [
        *_rows("R", "imread imreadmulti imcount haveImageReader VideoCapture", 0, "filename"),
        *_rows("W", "imwrite imwritemulti VideoWriter", 0, "filename"),
        *_rows("R", "dnn.readNet dnn.readNetFromONNX", 0, "model"),
    ],
    "pyarrow": [
        *_rows("mode", "OSFile memory_map", 0, "path"),
        *_rows("R", "input_stream", 0, "source"),
        *_rows("W", "output_stream", 0, "source"),
        *_rows("W", "create_memory_map", 0, "path"),
    ],
    "pyarrow.parquet.core": [
        *_rows("R", "read_table ParquetFile", 0, "source"),
        *_rows("R", "ParquetDataset", 0, "path_or_paths"),
        *_rows("R", "read_schema read_metadata", 0, "where"),
        *_rows("W", "write_table write_metadata", 1, "where"),
        *_rows("W", "ParquetWriter", 0, "where"),
        *_rows("W", "write_to_dataset", 1, "root_path"),
    ],
    "pyarrow.csv": [
        *_rows("R", "read_csv open_csv", 0, "input_file"),
        *_rows("W", "write_csv", 1, "output_file"),
        *_rows("W", "CSVWriter", 0, "sink"),
    ],
    "pyarrow.json": _rows("R", "read_json open_json", 0, "input_file"),
    "pyarrow.orc": [
        *_rows("R", "read_table ORCFile", 0, "source"),
        *_rows("W", "write_table", 1, "where"),
        *_rows("W", "ORCWriter", 0, "where"),
    ],
    "pyarrow.feather": [
        *_rows("R", "read_table read_feather FeatherDataset", 0, "source"),
        *_rows("W", "write_feather", 1, "dest"),
    ],
    "pyarrow.ipc": [
        *_rows(
            "R", "open_file open_stream RecordBatchFileReader RecordBatchStreamReader", 0, "source"
        ),
        *_rows("W", "new_file new_stream RecordBatchFileWriter RecordBatchStreamWriter", 0, "sink"),
    ],
    "pyarrow.dataset": [
        *_rows("R", "dataset", 0, "source"),
        *_rows("R", "parquet_dataset", 0, "metadata_path"),
        *_rows("W", "write_dataset", 1, "base_dir"),
    ],
    "safetensors": [
        *_rows("R", "safe_open", 0, "filename"),
        *_rows("W", "serialize_file", 1, "filename"),
    ],
    "safetensors.numpy": _rows("W", "save_file", 1, "filename"),
    "safetensors.torch": [
        *_rows("R", "load_file", 0, "filename"),
        *_rows("R", "load_model", 1, "filename"),
        *_rows("W", "save_file save_model", 1, "filename"),
    ],
    "safetensors.flax": [
        *_rows("R", "load_file", 0, "filename"),
        *_rows("W", "save_file", 1, "filename"),
    ],
    "safetensors.tensorflow": [
        *_rows("R", "load_file", 0, "filename"),
        *_rows("W", "save_file", 1, "filename"),
    ],
    "torch.serialization": [*_rows("R", "load", 0, "f"), *_rows("W", "save", 1, "f")],
    "torch.jit._serialization": [*_rows("R", "load", 0, "f"), *_rows("W", "save", 1, "f")],
    "torchvision.io.image": [
        *_rows("R", "read_file read_image decode_image", 0, "path"),
        *_rows("W", "write_file", 0, "filename"),
        *_rows("W", "write_jpeg write_png", 1, "filename"),
    ],
    "torchvision.io.video": [
        *_rows("R", "read_video read_video_timestamps", 0, "filename"),
        *_rows("W", "write_video", 0, "filename"),
    ],
    "torchaudio": [*_rows("R", "load info", 0, "uri"), *_rows("W", "save", 0, "uri")],
    "torchcodec.decoders": _rows("R", "VideoDecoder AudioDecoder", 0, "source"),
    "h5py._hl.files": _rows("mode", "File", 0, "name"),
    "tables.file": _rows("mode", "File", 0, "filename"),
    "netCDF4": _rows("mode", "Dataset", 0, "filename"),
    "soundfile": _rows("mode", "SoundFile", 0, "file"),
    "lmdb": _rows("lmdb", "open Environment", 0, "path"),
    "polars": [
        *_rows("R", "read_csv read_csv_batched scan_csv read_parquet scan_parquet", 0, "source"),
        *_rows("R", "read_parquet_schema read_parquet_metadata read_ipc scan_ipc", 0, "source"),
        *_rows("R", "read_ipc_stream read_ipc_schema read_json read_ndjson", 0, "source"),
        *_rows("R", "scan_ndjson read_avro read_lines scan_lines", 0, "source"),
        *_rows("W", "DataFrame.write_csv DataFrame.write_parquet DataFrame.write_ipc", 0, "file"),
        *_rows("W", "DataFrame.write_json DataFrame.write_ndjson", 0, "file"),
        *_rows("W", "DataFrame.write_ipc_stream DataFrame.write_avro", 0, "file"),
        *_rows("W", "LazyFrame.sink_csv LazyFrame.sink_parquet LazyFrame.sink_ipc", 0, "path"),
        *_rows("W", "LazyFrame.sink_ndjson", 0, "path"),
    ],
    "duckdb": [
        *_rows("B", "connect", 0, "database"),
        *_rows("R", "read_csv from_csv_auto read_json", 0, "path_or_buffer"),
        *_rows("R", "read_parquet from_parquet", 0, "file_glob"),
    ],
    "av.container.core": _rows("mode", "open", 0, "file"),
    "sentencepiece": _rows("R", "SentencePieceProcessor.LoadFromFile", 0, "arg"),
    "xgboost.core": [
        *_rows("R", "DMatrix", 0, "data"),
        *_rows("R", "Booster.load_model", 0, "fname"),
        *_rows("W", "Booster.save_model", 0, "fname"),
    ],
    "lightgbm.basic": [
        *_rows("R", "Dataset", 0, "data"),
        *_rows("R", "Booster", 2, "model_file"),
        *_rows("W", "Booster.save_model", 0, "filename"),
    ],
    "faiss": [*_rows("R", "read_index", 0, None), *_rows("W", "write_index", 1, None)],
    "onnxruntime": _rows("R", "InferenceSession", 0, "path_or_bytes"),
}

NOT_COVERED = {
    "catboost",
    "decord",
    "deeplake",
    "duckdb",  # files named in SQL
    "fasttext",
    "ffcv",
    "fiona",
    "lance",
    "llama_cpp",
    "mxnet",
    "nvidia.dali",
    "osgeo",
    "paddle",
    "pyogrio",
    "pyvips",
    "rasterio",
    "SimpleITK",
    "tensorflow",
    "tensorstore",
    "tiledb",
    "tokenizers",
}
"""Libraries that read by native ways that are not in the table: a run that imports one says so."""
