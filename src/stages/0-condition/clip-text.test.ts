import { expect, test } from 'vitest';
import { expectGolden, expectWeights, type Golden, golden } from '../../../test/golden.ts';
import { compile, input, integers, scope } from '../../tensor/index.ts';
import { type ClipTextConfig, type ClipTextNaming, clipText, clipTextUnused } from './clip-text.ts';

function configOf({ config: c }: Golden, naming: ClipTextNaming): ClipTextConfig {
  if (naming === 'openai')
    return {
      vocab_size: c.vocab_size,
      max_positions: c.context_length,
      width: c.width,
      layers: c.layers,
      heads: c.heads,
      mlp_width: 4 * c.width,
      naming,
    };
  return {
    vocab_size: c.vocab_size,
    max_positions: c.max_position_embeddings,
    width: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    mlp_width: c.intermediate_size,
    naming,
  };
}

test.each<[string, ClipTextNaming]>([
  ['clip_text_openai', 'openai'],
  ['clip_text_hf', 'huggingface'],
])('%s: the hidden states of all positions equal the official ones', async (name, naming) => {
  const file = golden(name);
  const ids = file.get('in.input_ids');
  const p = scope();
  const states = clipText(configOf(file, naming), p, input('ids', ids.shape, 'int32'));
  expectWeights(p, file.below('model.'));
  const weights = Object.fromEntries(Object.entries(file.below('model.')).map(([key, t]) => [key, t.data]));
  const program = await compile({ states }, { state: weights });
  const got = await program.run({ ids: integers(Int32Array.from(ids.data), ids.shape) });
  await program.dispose();
  expectGolden({ 'out.last_hidden_state': { shape: got.states.dims, data: got.states.data as Float32Array } }, file);
});

test('what the checkpoints hold besides the text network is told from it', () => {
  for (const key of [
    'vision_model.post_layernorm.bias',
    'visual.proj',
    'visual_projection.weight',
    'text_projection',
    'text_projection.weight',
    'logit_scale',
    'text_model.embeddings.position_ids',
    'context_length',
  ])
    expect(clipTextUnused.test(key), key).toBe(true);
  const p = scope();
  clipText(configOf(golden('clip_text_hf'), 'huggingface'), p, input('ids', [1, 77], 'int32'));
  expect([...p.parameters.keys()].filter((key) => clipTextUnused.test(key))).toEqual([]);
});
