"""A GGUF file of a tiny Llama, written as llama.cpp writes one: heads interleaved, matrices in blocks, and a tokenizer of single letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiny_models import random_model_in

if TYPE_CHECKING:
    from pathlib import Path


def tiny_gguf_in(shared: Path, kind: str = "Q8_0") -> Path:
    """The file below `shared`, made when it is first asked for; matrices whose rows are no whole number of blocks are F32."""
    path = shared / "tiny-gguf" / f"tiny-{kind}.gguf"
    if path.exists():
        return path
    import gguf
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(random_model_in(shared, "llama"), dtype=torch.float32)
    path.parent.mkdir(exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    _settings(writer, model.config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.config.num_hidden_layers)
    form = gguf.GGMLQuantizationType[kind]
    for name, tensor in model.named_parameters():  # the head is tied: it is not among them
        rows = _interleaved(name, tensor.detach(), model.config).numpy()
        quantized = rows.ndim == 2 and rows.shape[1] % gguf.GGML_QUANT_SIZES[form][0] == 0
        data = gguf.quants.quantize(rows, form) if quantized else rows
        written = names.get_name(name, try_suffixes=(".weight",))
        writer.add_tensor(written, data, raw_dtype=form if quantized else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _settings(writer: Any, config: Any) -> None:
    import gguf

    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    letters = ["<|end|>", "<|unknown|>", *map(chr, range(33, 127)), "\u0120"]
    tokens = [*letters, "ab", *(f"<|unused{number}|>" for number in range(config.vocab_size))][
        : config.vocab_size
    ]
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token.startswith("<|") else normal for token in tokens])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(0)
    writer.add_bos_token_id(0)
    writer.add_unk_token_id(1)


def _interleaved(name: str, weight: Any, config: Any) -> Any:
    """Rows of queries and keys in llama.cpp's order: the halves that turn together lie side by side."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(
        name.split(".")[-2]
    )
    if heads is None:
        return weight
    rows, columns = weight.shape
    return (
        weight.reshape(heads, 2, rows // heads // 2, columns)
        .transpose(1, 2)
        .reshape(rows, columns)
        .contiguous()
    )
