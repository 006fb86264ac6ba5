import { expect, test } from 'vitest';
import { downstream, evaluate, expectClose, expectWeights, golden, inputOf } from '../../test/golden.ts';
import { scope, topological } from '../tensor/index.ts';
import { absolutePositions, gridPositions, timeEmbedding } from './embedding.ts';

test('the time embedding equals the official one', async () => {
  const file = golden('embeddings');
  const p = scope();
  const y = timeEmbedding(p, inputOf('t', file.get('in.t')), file.config.timestep.hidden_size);
  expectWeights(p, file.below('model.'));
  const waves = downstream(y, 'mlp.0.weight', 1).inputs[0];
  expect(topological([y])).toContain(waves);
  const got = await evaluate({ waves, y }, file.below('model.'), { t: file.get('in.t') });
  expectClose(got.waves.data, file.get('out.t_freq').data, 2e-4, 'sinusoids'); // phases of up to 1000 rad in float32
  expectClose(got.y.data, file.get('out.t_emb').data, 1e-4, 'embedding');
});

test.each([64, 96, 1024])('absolute positions in %i channels equal the official ones', (channels) => {
  const file = golden('embeddings');
  expectClose(absolutePositions(file.get('in.coords').data, channels), file.get(`out.pos_${channels}`).data, 1e-5);
});

test('grid positions run z fastest', () => {
  expect([...gridPositions(2)]).toEqual([0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1]);
});
