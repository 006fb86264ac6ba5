import { expect, test } from 'vitest';
import type { Gaussians } from '../representations/index.ts';
import { torchGenerator } from '../tensor/index.ts';
import { gaussiansOfParameters, parametersBackward, parametersOfGaussians } from './gaussian-parameters.ts';

const rng = torchGenerator(5);
const parameters = {
  means: rng.normal(12),
  logScales: rng.normal(12),
  quaternions: rng.normal(16),
  logits: rng.normal(4),
  colorsDc: rng.normal(12),
};
const names = ['means', 'scales', 'rotations', 'opacities', 'colorsDc'] as const;

test('the gradient in the parameters meets central differences', () => {
  const gaussians = gaussiansOfParameters(parameters);
  const seed = Object.fromEntries(
    names.map((name) => [name, rng.normal(gaussians[name].length)]),
  ) as unknown as Gaussians;
  const loss = (g: Gaussians) =>
    names.reduce((sum, name) => sum + g[name].reduce((s, v, i) => s + v * seed[name][i], 0), 0);
  const gradient = parametersBackward(parameters, gaussians, seed);
  for (const key of Object.keys(parameters) as (keyof typeof parameters)[])
    for (let i = 0; i < parameters[key].length; i++) {
      const at = (by: number) => {
        const moved = parameters[key].slice();
        moved[i] += by;
        return loss(gaussiansOfParameters({ ...parameters, [key]: moved }));
      };
      const slope = (at(1e-2) - at(-1e-2)) / 2e-2; // single precision: a step of 1e-2 leaves three digits
      expect(Math.abs(slope - gradient[key][i]), `${key} ${i}`).toBeLessThan(2e-3 * (1 + Math.abs(slope)));
    }
});

test('Gaussians come back from their parameters', () => {
  const gaussians = gaussiansOfParameters(parameters);
  const back = gaussiansOfParameters(parametersOfGaussians(gaussians));
  for (const name of names)
    for (let i = 0; i < gaussians[name].length; i++) expect(back[name][i]).toBeCloseTo(gaussians[name][i], 5);
});

test('Gaussians whose parameters would be infinite are refused', () => {
  const gaussians = gaussiansOfParameters(parameters);
  expect(() => parametersOfGaussians({ ...gaussians, scales: new Float32Array(12) })).toThrow(
    /Gaussian 0 has the scale 0/,
  );
  expect(() => parametersOfGaussians({ ...gaussians, opacities: Float32Array.of(0.5, 1, 0.5, 0.5) })).toThrow(
    /Gaussian 1 has the opacity 1/,
  );
});
