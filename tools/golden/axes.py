#!/usr/bin/env python3
# axes.py - what models of images and video make of their config.json, for tests/data/axes
# SPDX-License-Identifier: MIT
"""Writes golden.json. Needs transformers 5.24.0, diffusers 0.42.1 and torch.

    python3 tools/golden/axes.py tests/data/axes/golden.json

A list of {name, config, grid or null, positions or null, ones, scores}: `config` is a config.json; positions, where
they are given, are [axes][rows], else the patches of the grid in reading order. ones[k] is the dot product that the
model's own code leaves of the unit vector with equal entries at row 0 and at row k; scores[k] that of query 1 and key
k, whose elements e are ((37 r + 11 e) mod 17 - 8) / 8 and ((23 r + 7 e) mod 19 - 9) / 8 in row r.
"""
import itertools
import json
import sys

import torch
from diffusers.models import embeddings
from diffusers.models.transformers import (transformer_bria, transformer_flux, transformer_flux2, transformer_hidream_image,
                                           transformer_hunyuan_video, transformer_hunyuan_video15,
                                           transformer_hunyuanimage, transformer_krea2, transformer_longcat_image,
                                           transformer_lumina2, transformer_qwenimage, transformer_wan,
                                           transformer_z_image)
from transformers import AutoConfig
from transformers.models.dinov3_vit import modeling_dinov3_vit
from transformers.models.eomt_dinov3 import modeling_eomt_dinov3
from transformers.models.ernie4_5_vl_moe import modeling_ernie4_5_vl_moe
from transformers.models.glm4v import modeling_glm4v
from transformers.models.hunyuan_vl import modeling_hunyuan_vl
from transformers.models.lfm3_vl import modeling_lfm3_vl
from transformers.models.minimax_m3_vl import modeling_minimax_m3_vl
from transformers.models.mlcd import modeling_mlcd
from transformers.models.paddleocr_vl import modeling_paddleocr_vl
from transformers.models.pixtral import modeling_pixtral
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl
from transformers.models.qwen2_vl import modeling_qwen2_vl
from transformers.models.qwen3_vl import modeling_qwen3_vl


def ids(grid):
    """[rows, axes], the last axis innermost."""
    return torch.tensor(list(itertools.product(*map(range, grid))))


# Each takes the config and the grid, and returns a function of [rows, head_dim] that rotates.

def dinov3(module, name, config, grid):
    made = AutoConfig.for_model(**config)
    patch = made.patch_size if isinstance(made.patch_size, (list, tuple)) else (made.patch_size,) * 2
    rope = getattr(module, name)(made).eval()
    cos, sin = rope(torch.zeros(1, 3, grid[0] * patch[0], grid[1] * patch[1]))
    return lambda x: module.apply_rotary_pos_emb(x[None, None], x[None, None], cos, sin)[0][0, 0]


def pixtral(config, grid):
    rope = modeling_pixtral.PixtralVisionRotaryEmbedding(AutoConfig.for_model(**config))
    cos, sin = rope(torch.zeros(1), ids(grid))
    return lambda x: modeling_pixtral.apply_rotary_pos_emb(x[None], x[None], cos, sin, 0)[0][0]


def tower(module, name, config, grid):
    """x [rows, heads, head_dim]."""
    rope = getattr(module, name)(AutoConfig.for_model(**config))
    cos, sin = rope(torch.zeros(1), ids(grid))
    return lambda x: module.apply_rotary_pos_emb_vision(x[:, None], x[:, None], cos, sin)[0][:, 0]


def paddle(config, grid):
    """x [batch, rows, heads, head_dim]."""
    module = modeling_paddleocr_vl
    cos, sin = module.PaddleOCRVisionRotaryEmbedding(AutoConfig.for_model(**config))(torch.zeros(1), ids(grid))
    return lambda x: module.apply_rotary_pos_emb_vision(x[:, None], x[:, None], cos, sin)[0][:, 0]


def real(rope):
    """cos and sin [rows, head_dim] of diffusers, neighbours in pairs."""
    return lambda x: embeddings.apply_rotary_emb(x[None, None], rope)[0, 0]


def turns(freqs):
    """Complex numbers [rows, pairs]."""
    return lambda x: torch.view_as_real(
        torch.view_as_complex(x.float().reshape(len(x), -1, 2)) * freqs).flatten(1)


def flux(module, name, config, grid, theta):
    return real(getattr(module, name)(theta, config["axes_dims_rope"])(ids(grid)))


def hidream(config, grid):
    module = transformer_hidream_image
    freqs = module.HiDreamImageEmbedND(10000, config["axes_dims_rope"])(ids(grid)[None])
    return lambda x: module.apply_rope(x[None, :, None], x[None, :, None], freqs)[0][0, :, 0]


def hunyuan(module, name, config, grid):
    patch = config.get("patch_size", 1)
    latent = torch.zeros(1, 1, *[size * p for size, p in zip(grid, (1, patch, patch))])
    return real(getattr(module, name)(patch, 1, config["rope_axes_dim"], config["rope_theta"])(latent))


def hunyuan_image(config, grid):
    rope = transformer_hunyuanimage.HunyuanImageRotaryPosEmbed(config["patch_size"], config["rope_axes_dim"],
                                                               config["rope_theta"])
    return real(rope(torch.zeros(1, 1, *grid)))


def wan(config, grid):
    rope = transformer_wan.WanRotaryPosEmbed(config["attention_head_dim"], config["patch_size"], 1024)
    size = [count * patch for count, patch in zip(grid, config["patch_size"])]
    cos, sin = rope(torch.zeros(1, 1, *size))
    return real((cos[0, :, 0], sin[0, :, 0]))


def cogvideox(config, grid):
    head = config["attention_head_dim"]
    if config.get("patch_size_t"):
        return real(embeddings.get_3d_rotary_pos_embed(head, None, grid[1:], grid[0], grid_type="slice",
                                                       max_size=grid[1:]))
    return real(embeddings.get_3d_rotary_pos_embed(head, ((0, 0), tuple(grid[1:])), tuple(grid[1:]), grid[0]))


def qwen_image(config, grid):
    rope = transformer_qwenimage.QwenEmbedRope(10000, config["axes_dims_rope"], scale_rope=True)
    freqs, _ = rope([tuple(grid)], torch.device("cpu"), max_txt_seq_len=4)
    return lambda x: transformer_qwenimage.apply_rotary_emb_qwen(x[None, :, None], freqs, use_real=False)[0, :, 0]


def lumina2(config, grid):
    rope = transformer_lumina2.Lumina2RotaryPosEmbed(10000, config["axes_dim_rope"])
    return turns(rope._get_freqs_cis(ids(grid)[None])[0])


def z_image(config, grid):
    return turns(transformer_z_image.RopeEmbedder(config["rope_theta"], config["axes_dims"], [64] * 3)(ids(grid)))


def text(module, name, config, positions):
    """A language model's positions [axes][rows]."""
    made = AutoConfig.for_model(**config)
    cos, sin = getattr(module, name)(made)(torch.zeros(1), torch.tensor(positions)[:, None])
    return lambda x: module.apply_rotary_pos_emb(x[None, None], x[None, None], cos, sin)[0][0, 0]


def hunyuan_text(config, positions):
    """Cut as vLLM's XDRotaryEmbedding and Tencent's own code do, half by half. transformers 5.24 cuts the whole head into
    one run an axis, so that the two elements of a pair follow different axes, which is no rotation."""
    module, sections = modeling_hunyuan_vl, config["rope_scaling"]["xdrope_section"]
    rope = module.HunYuanVLRotaryEmbedding(AutoConfig.for_model(**config))
    alone = [rope(torch.zeros(1), torch.tensor([axis] * len(positions))[:, None]) for axis in positions]
    cos, sin = (torch.cat([alone[i % len(sections)][part].split(sections * 2, -1)[i]
                           for i in range(2 * len(sections))], -1) for part in (0, 1))
    return lambda x: module.apply_rotary_pos_emb(x[None, None], x[None, None], cos, sin)[0][0, 0]


ROWS = [[0, 1, 2, 3, 3, 3, 3, 3, 3, 9, 10, 70], [0, 1, 2, 3, 3, 4, 4, 5, 5, 9, 10, 70],
        [0, 1, 2, 3, 4, 3, 4, 3, 4, 9, 10, 70]]
FOUR = [*ROWS, [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]]
MROPE = {"rope_type": "default", "rope_theta": 5000000.0}


def transformers_cases():
    vit = {"hidden_size": 64, "num_attention_heads": 2, "patch_size": 16}
    size = {"hidden_size": 160, "num_heads": 2, "patch_size": 14}
    yield "dinov3", {"model_type": "dinov3_vit", **vit, "image_size": [48, 80]}, (3, 5), \
        lambda c, g: dinov3(modeling_dinov3_vit, "DINOv3ViTRopePositionEmbedding", c, g)
    yield "dinov3-224", {"model_type": "dinov3_vit", "hidden_size": 768, "num_attention_heads": 12, "image_size": 224,
                         "patch_size": 16, "rope_theta": 100.0}, (14, 14), \
        lambda c, g: dinov3(modeling_dinov3_vit, "DINOv3ViTRopePositionEmbedding", c, g)
    yield "eomt-dinov3", {"model_type": "eomt_dinov3", **vit, "image_size": 64, "rope_parameters":
                          {"rope_type": "default", "rope_theta": 50.0}}, (4, 4), \
        lambda c, g: dinov3(modeling_eomt_dinov3, "EomtDinov3RotaryEmbedding", c, g)
    yield "pixtral", {"model_type": "pixtral", **vit, "image_size": 64, "rope_theta": 10000.0}, (4, 4), pixtral
    yield "pixtral-64", {"model_type": "pixtral", "hidden_size": 1024, "num_attention_heads": 16, "head_dim": 64,
                         "image_size": 128, "patch_size": 16, "rope_theta": 10000.0}, (8, 8), pixtral
    yield "qwen2-vl", {"model_type": "qwen2_vl_vision", "embed_dim": 160, "num_heads": 2, "hidden_size": 999,
                       "patch_size": 14}, (3, 5), \
        lambda c, g: tower(modeling_qwen2_vl, "Qwen2VLVisionRotaryEmbedding", c, g)
    yield "qwen2.5-vl", {"model_type": "qwen2_5_vl_vision", **size}, (5, 3), \
        lambda c, g: tower(modeling_qwen2_5_vl, "Qwen2_5_VLVisionRotaryEmbedding", c, g)
    yield "qwen3-vl", {"model_type": "qwen3_vl_vision", **size, "hidden_size": 144}, (5, 3), \
        lambda c, g: tower(modeling_qwen3_vl, "Qwen3VLVisionRotaryEmbedding", c, g)
    yield "glm4v", {"model_type": "glm4v_vision", **size, "image_size": 56}, (4, 4), \
        lambda c, g: tower(modeling_glm4v, "Glm4vVisionRotaryEmbedding", c, g)
    yield "mlcd", {"model_type": "mlcd_vision_model", **vit, "image_size": 64}, (4, 4), \
        lambda c, g: tower(modeling_mlcd, "MLCDRotaryEmbedding", c, g)
    yield "lfm3-vl", {"model_type": "lfm3_vl_vision", **vit}, (2, 7), \
        lambda c, g: tower(modeling_lfm3_vl, "Lfm3VlVisionRotaryEmbedding", c, g)
    yield "minimax-m3-vl", {"model_type": "minimax_m3_vl_vision", "hidden_size": 160, "num_attention_heads": 2,
                            "image_size": 56, "patch_size": 14}, (1, 4, 4), \
        lambda c, g: tower(modeling_minimax_m3_vl, "MiniMaxM3VLVisionRotaryEmbedding", c, g)
    yield "paddleocr-vl", {"model_type": "paddleocr_vl_vision", "hidden_size": 144, "num_attention_heads": 2,
                           "image_size": 56, "patch_size": 14}, (4, 4), paddle


def text_cases():
    llm = {"hidden_size": 128, "num_attention_heads": 2, "head_dim": 64, "max_position_embeddings": 4096,
           "vocab_size": 100}
    yield "ernie-4.5-vl", {"model_type": "ernie4_5_vl_moe_text", **llm, "rope_parameters":
                           {"rope_type": "default", "rope_theta": 500000.0, "mrope_section": [11, 11, 10]}}, ROWS, \
        lambda c, p: text(modeling_ernie4_5_vl_moe, "Ernie4_5_VLMoeTextRotaryEmbedding", c, p)
    yield "hunyuan-vl", {"model_type": "hunyuan_vl_text", **llm, "rope_scaling":
                         {"type": "xdrope", "alpha": 1000.0, "factor": 1.0, "xdrope_section": [8, 8, 8, 8]}, "rope_theta": 1e4}, \
        FOUR, hunyuan_text
    yield "qwen2-vl-text", {"model_type": "qwen2_vl_text", **llm, "rope_scaling":
                            {"type": "mrope", "mrope_section": [8, 12, 12]}, "rope_theta": 1e6}, ROWS, \
        lambda c, p: text(modeling_qwen2_vl, "Qwen2VLRotaryEmbedding", c, p)
    yield "qwen3-vl-text", {"model_type": "qwen3_vl_text", **llm, "rope_parameters":
                            {**MROPE, "mrope_section": [12, 10, 10], "mrope_interleaved": True}}, ROWS, \
        lambda c, p: text(modeling_qwen3_vl, "Qwen3VLTextRotaryEmbedding", c, p)


def diffusers_cases():
    head = {"attention_head_dim": 64, "num_attention_heads": 2, "patch_size": 1}
    three = {**head, "axes_dims_rope": [8, 28, 28]}
    yield "flux", {"_class_name": "FluxTransformer2DModel", **three}, (1, 4, 5), \
        lambda c, g: flux(transformer_flux, "FluxPosEmbed", c, g, 10000)
    yield "chroma", {"_class_name": "ChromaTransformer2DModel", **three}, (1, 3, 5), \
        lambda c, g: flux(transformer_flux, "FluxPosEmbed", c, g, 10000)
    yield "bria", {"_class_name": "BriaTransformer2DModel", **three, "rope_theta": 2000}, (1, 3, 5), \
        lambda c, g: flux(transformer_bria, "BriaEmbedND", c, g, 2000)
    yield "longcat", {"_class_name": "LongCatImageTransformer2DModel", **three}, (2, 3, 3), \
        lambda c, g: flux(transformer_longcat_image, "LongCatImagePosEmbed", c, g, 10000)
    yield "hidream", {"_class_name": "HiDreamImageTransformer2DModel", **head, "axes_dims_rope": [32, 16, 16]}, \
        (1, 3, 5), hidream
    yield "krea2", {"_class_name": "Krea2Transformer2DModel", **three, "rope_theta": 1000.0}, (1, 3, 5), \
        lambda c, g: flux(transformer_krea2, "Krea2RotaryPosEmbed", c, g, 1000.0)
    yield "flux2", {"_class_name": "Flux2Transformer2DModel", **head, "axes_dims_rope": [16, 16, 16, 16],
                    "rope_theta": 2000}, (2, 3, 3, 2), \
        lambda c, g: flux(transformer_flux2, "Flux2PosEmbed", c, g, 2000)
    yield "qwen-image", {"_class_name": "QwenImageTransformer2DModel", **three, "patch_size": 2}, (1, 4, 5), qwen_image
    video = {"attention_head_dim": 64, "num_attention_heads": 2, "rope_axes_dim": [16, 24, 24], "rope_theta": 256.0}
    yield "hunyuanvideo", {"_class_name": "HunyuanVideoTransformer3DModel", **video, "patch_size": 2,
                           "patch_size_t": 1}, (3, 2, 4), \
        lambda c, g: hunyuan(transformer_hunyuan_video, "HunyuanVideoRotaryPosEmbed", c, g)
    yield "hunyuanvideo-1.5", {"_class_name": "HunyuanVideo15Transformer3DModel", **video, "patch_size": 1,
                               "patch_size_t": 1}, (2, 3, 4), \
        lambda c, g: hunyuan(transformer_hunyuan_video15, "HunyuanVideo15RotaryPosEmbed", c, g)
    yield "hunyuanimage", {"_class_name": "HunyuanImageTransformer2DModel", **video, "rope_axes_dim": [32, 32],
                           "patch_size": [1, 1]}, (4, 5), hunyuan_image
    yield "wan", {"_class_name": "WanTransformer3DModel", "attention_head_dim": 128, "num_attention_heads": 2,
                  "patch_size": [1, 2, 2]}, (3, 2, 4), wan
    yield "wan-64", {"_class_name": "WanVACETransformer3DModel", "attention_head_dim": 64, "num_attention_heads": 2,
                     "patch_size": [1, 2, 2]}, (2, 3, 4), wan
    cog = {"_class_name": "CogVideoXTransformer3DModel", "attention_head_dim": 64, "num_attention_heads": 2,
           "patch_size": 2, "sample_height": 6, "sample_width": 10, "temporal_compression_ratio": 4,
           "use_rotary_positional_embeddings": True}
    yield "cogvideox", {**cog, "sample_frames": 9}, (3, 3, 5), cogvideox
    yield "cogvideox-1.5", {**cog, "sample_frames": 17, "patch_size_t": 2}, (3, 3, 5), cogvideox
    yield "lumina2", {"_class_name": "Lumina2Transformer2DModel", "hidden_size": 192, "num_attention_heads": 2,
                      "axes_dim_rope": [32, 32, 32], "axes_lens": [300, 512, 512]}, (2, 3, 4), lumina2
    yield "z-image", {"_class_name": "ZImageTransformer2DModel", "dim": 256, "n_heads": 2, "rope_theta": 256.0,
                      "axes_dims": [32, 48, 48], "axes_lens": [1024, 512, 512]}, (1, 4, 5), z_image


def head_of(config):
    for key in ("head_dim", "attention_head_dim"):
        if key in config:
            return config[key]
    width = config.get("embed_dim", config.get("hidden_size", config.get("dim")))
    return width // next(config[key] for key in ("num_attention_heads", "num_heads", "n_heads") if key in config)


def golden(name, config, grid, positions, rotate):
    head = head_of(config)
    rows = len(positions[0]) if positions else len(ids(grid))
    row, element = torch.arange(rows)[:, None], torch.arange(head)
    ones = rotate(torch.full((rows, head), head ** -0.5)).double()
    queries = rotate(((37 * row + 11 * element) % 17 - 8).float() / 8).double()
    keys = rotate(((23 * row + 7 * element) % 19 - 9).float() / 8).double()
    return {"name": name, "config": config, "grid": grid, "positions": positions, "head": head,
            "ones": [round(x, 7) for x in (ones @ ones[0]).tolist()],
            "scores": [round(x, 5) for x in (keys @ queries[1]).tolist()]}


def main():
    made = [golden(n, c, g, None, f(c, g)) for n, c, g, f in [*transformers_cases(), *diffusers_cases()]]
    made += [golden(n, c, None, p, f(c, p)) for n, c, p, f in text_cases()]
    with open(sys.argv[1], "w", encoding="utf-8") as stream:
        stream.write("[\n" + ",\n".join(json.dumps(one) for one in made) + "\n]\n")


if __name__ == "__main__":
    main()
