import { expect, test } from 'vitest';
import { compile, floats, input, mean, mul, scope, sub, torchGenerator } from '../tensor/index.ts';
import { isHiddenMatrix, momentumName, orthogonalized } from './muon.ts';
import { initialStates, trainingProgram } from './training-program.ts';

/** u [rows, cols] → its orthogonalisation, row-major. */
async function apply(values: Float32Array, rows: number, columns: number): Promise<Float32Array> {
  const program = await compile({ o: orthogonalized(input('u', [rows, columns])) }, { threads: 1 });
  const { o } = await program.run({ u: floats(values, [rows, columns]) });
  await program.dispose();
  return o.data as Float32Array;
}

test.each([
  [6, 6],
  [4, 9],
  [9, 4],
])('singular values of a [%i, %i] matrix all come near 1, its singular vectors stay', async (rows, columns) => {
  // U·S·Vᵀ from columns of Householder reflections, singular values from 1 down to 1/50.
  const rank = Math.min(rows, columns);
  const reflection = (n: number, seed: number) => {
    const w = torchGenerator(seed).normal(n);
    const norm = w.reduce((s, x) => s + x * x, 0);
    return (i: number, j: number) => (i === j ? 1 : 0) - (2 * w[i] * w[j]) / norm;
  };
  const [u, v] = [reflection(rows, 1), reflection(columns, 2)];
  const s = Array.from({ length: rank }, (_, k) => 50 ** (-k / (rank - 1)));
  const matrix = Float32Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    return s.reduce((sum, value, k) => sum + value * u(i, k) * v(j, k), 0);
  });
  const result = await apply(matrix, rows, columns);
  // uᵀ·result·v is diagonal again, with every entry in the band of the quintics.
  for (let k = 0; k < rank; k++)
    for (let l = 0; l < rank; l++) {
      let value = 0;
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) value += u(i, k) * result[i * columns + j] * v(j, l);
      if (k === l) {
        expect(value).toBeGreaterThan(0.73 - 1e-3);
        expect(value).toBeLessThan(1.27 + 1e-3);
      } else expect(Math.abs(value)).toBeLessThan(1e-4);
    }
});

test('a zero matrix stays zero', async () => {
  expect([...(await apply(new Float32Array(12), 3, 4))]).toEqual(Array(12).fill(0));
});

test('hidden matrices and kernels are its own; borders, tables, norms and biases are not', () => {
  expect(isHiddenMatrix('denoiser.blocks.0.self_attn.to_qkv.weight', 2)).toBe(true);
  expect(isHiddenMatrix('encoder.middle_block.0.conv1.weight', 5)).toBe(true);
  for (const name of ['denoiser.input_layer.weight', 'decoder.out_layer.2.weight', 'conditioner.pos_embed'])
    expect(isHiddenMatrix(name, 2)).toBe(false);
  expect(isHiddenMatrix('denoiser.blocks.0.self_attn.q_rms_norm.gamma', 2)).toBe(false);
  expect(isHiddenMatrix('denoiser.blocks.0.self_attn.to_qkv.bias', 1)).toBe(false);
});

test('a step turns an ill-conditioned matrix by the same amount in every direction, and keeps one moment for it', async () => {
  // loss = ½·Σ sᵢ²·(wᵢᵢ − 1)² through inputs of very different sizes: AdamW's second moment is not needed for that.
  const weights = scope();
  const w = weights.at('hidden').weight('weight', [3, 3], { kind: 'zeros' });
  const scale = input('scale', [3, 3]);
  const error = mul(scale, sub(w, input('target', [3, 3])));
  const options = { name: 'muon' as const, momentum: 0, emaRate: 0.5 };
  const states = initialStates(weights, [], torchGenerator(0), options);
  expect(Object.keys(states).sort()).toEqual(
    ['ema/hidden.weight', 'hidden.weight', momentumName('hidden.weight')].sort(),
  );
  const program = await trainingProgram(
    { weights, losses: [mean(mul(error, error))], optimizer: options, threads: 1 },
    states,
  );
  const eye = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  await program.step(
    { scale: floats(Float32Array.of(10, 1, 1, 1, 3, 1, 1, 1, 1), [3, 3]), target: floats(eye, [3, 3]) },
    { step: 1, lr: 0.1, maxNorm: 1 },
  );
  const after = await program.read();
  await program.dispose();
  const step = 0.1 * 0.2 * Math.sqrt(3);
  for (const i of [0, 4, 8]) {
    expect(after['hidden.weight'][i]).toBeGreaterThan(0.5 * step);
    expect(after['hidden.weight'][i]).toBeLessThan(1.28 * step);
    expect(after['ema/hidden.weight'][i]).toBeCloseTo(after['hidden.weight'][i] / 2, 6);
  }
});
