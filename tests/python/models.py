# models.py - tiny models with random weights, one of each architecture that captures are tried on
# SPDX-License-Identifier: MIT
import torch
import transformers

COMMON = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "pad_token_id": 0}
MOE = {"num_local_experts": 4, "num_experts_per_tok": 2}
DEEPSEEK = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 8,
            "num_key_value_heads": 4, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2,
            "moe_intermediate_size": 16, "first_k_dense_replace": 1, "n_shared_experts": 1}

# Name of the configuration's class, and what differs from COMMON; None: the class has no such argument.
ARCHITECTURES = {
    "Llama": {},
    "Llama.yarn": {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0,
                                       "original_max_position_embeddings": 64}},
    "Llama.llama3": {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0,
                                         "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                         "original_max_position_embeddings": 64}},
    "Llama.dynamic": {"max_position_embeddings": 32,
                      "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
    "Phi3.longrope": {"max_position_embeddings": 128, "original_max_position_embeddings": 32,
                      "rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4,
                                          "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [1.0, 2.0, 4.0, 8.0],
                                          "original_max_position_embeddings": 32}},
    "DeepseekV3.yarn": {**DEEPSEEK, "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0,
                                                        "mscale": 1.0, "mscale_all_dim": 0.8,
                                                        "original_max_position_embeddings": 16}},
    "Mistral": {"sliding_window": 16},
    "Qwen2": {},
    "Qwen3": {"head_dim": 16},
    "Gemma2": {"head_dim": 16, "sliding_window": 16, "query_pre_attn_scalar": 10},
    "Gemma3Text": {"head_dim": 16, "sliding_window": 16, "query_pre_attn_scalar": 10,
                   "layer_types": ["sliding_attention", "full_attention"]},
    "Phi": {"partial_rotary_factor": 0.5},
    "Phi3": {"partial_rotary_factor": 1.0},
    "GPTNeoX": {"num_key_value_heads": None},
    "GPTJ": {"hidden_size": None, "intermediate_size": None, "num_hidden_layers": None, "num_attention_heads": None,
             "num_key_value_heads": None, "max_position_embeddings": None, "n_embd": 32, "n_layer": 2, "n_head": 4,
             "n_positions": 256, "rotary_dim": 4},
    "Cohere2": {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]},
    "Olmo2": {},
    "StableLm": {"partial_rotary_factor": 0.5},
    "Granite": {"attention_multiplier": 0.3},
    "Glm": {"head_dim": 8, "partial_rotary_factor": 0.5},
    "SmolLM3": {"no_rope_layers": [1, 0]},
    "GptOss": {**MOE, "head_dim": 8, "sliding_window": 16,
               "layer_types": ["sliding_attention", "full_attention"]},
    "DeepseekV2": DEEPSEEK,
    "DeepseekV3": DEEPSEEK,
    "Llama4Text": {**MOE, "head_dim": 8, "intermediate_size_mlp": 48, "attention_chunk_size": 16,
                   "layer_types": ["chunked_attention", "full_attention"], "no_rope_layers": [1, 0]},
}


def make(name, **changes):
    """A model whose weights depend on the name alone."""
    given = {key: value for key, value in {**COMMON, **ARCHITECTURES[name], **changes}.items() if value is not None}
    config = getattr(transformers, name.split(".")[0] + "Config")(**given)
    torch.manual_seed(7)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():  # random weights are so small that attention would be flat
        for key, value in model.named_parameters():
            if value.dim() > 1 and "embed" not in key:
                value.mul_(6.0)
            if "sinks" in key:
                value.normal_()
    return model


def ids(count):
    return torch.randint(1, 64, (count,), generator=torch.Generator().manual_seed(3))
