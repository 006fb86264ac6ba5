/**
 * Gaussians as numbers without limits, which an optimiser may move freely, and the way back of gradients:
 *   scale = e^s,  rotation = q/‖q‖,  opacity = 1/(1 + e^−o);  means and colors are themselves.
 * Source: Kerbl et al. 2023, "3D Gaussian Splatting", §4.
 */
import type { GaussianGradients } from '../render/index.ts';
import type { Gaussians } from '../representations/index.ts';

/** Like the arrays of `Gaussians`, each before its activation. */
export interface GaussianParameters {
  readonly means: Float32Array; // [G, 3]
  readonly logScales: Float32Array; // [G, 3]
  readonly quaternions: Float32Array; // [G, 4], of any length but zero
  readonly logits: Float32Array; // [G]
  readonly colorsDc: Float32Array; // [G, 3]
}

/** @throws RangeError when an opacity is 0 or 1, or a scale 0: they stand for infinite parameters */
export function parametersOfGaussians({
  means,
  scales,
  rotations,
  opacities,
  colorsDc,
}: Gaussians): GaussianParameters {
  const flat = scales.findIndex((s) => !(s > 0));
  if (flat >= 0)
    throw new RangeError(
      `parametersOfGaussians: Gaussian ${Math.floor(flat / 3)} has the scale ${scales[flat]}, expected one above 0. Widen it.`,
    );
  const hard = opacities.findIndex((o) => !(o > 0 && o < 1));
  if (hard >= 0)
    throw new RangeError(
      `parametersOfGaussians: Gaussian ${hard} has the opacity ${opacities[hard]}, expected between 0 and 1. Move it inside, to 0.99 say.`,
    );
  return {
    means: means.slice(),
    logScales: scales.map(Math.log),
    quaternions: rotations.slice(),
    logits: opacities.map((o) => Math.log(o / (1 - o))),
    colorsDc: colorsDc.slice(),
  };
}

export function gaussiansOfParameters(p: GaussianParameters): Gaussians {
  const rotations = p.quaternions.slice();
  for (let i = 0; i < rotations.length; i += 4) {
    const length = Math.hypot(rotations[i], rotations[i + 1], rotations[i + 2], rotations[i + 3]);
    for (let c = 0; c < 4; c++) rotations[i + c] /= length;
  }
  return {
    means: p.means,
    scales: p.logScales.map(Math.exp),
    rotations,
    opacities: p.logits.map((o) => 1 / (1 + Math.exp(-o))),
    colorsDc: p.colorsDc,
  };
}

/** Gradients with respect to the parameters, from those with respect to `gaussians`, which `p` describes. */
export function parametersBackward(
  p: GaussianParameters,
  gaussians: Gaussians,
  g: Pick<GaussianGradients, keyof Gaussians>,
): GaussianParameters {
  const { scales, rotations, opacities } = gaussians;
  const quaternions = new Float32Array(rotations.length);
  for (let i = 0; i < rotations.length; i += 4) {
    let [square, along] = [0, 0];
    for (let c = 0; c < 4; c++) {
      square += p.quaternions[i + c] ** 2;
      along += rotations[i + c] * g.rotations[i + c];
    }
    // only the part across the quaternion turns anything
    for (let c = 0; c < 4; c++)
      quaternions[i + c] = (g.rotations[i + c] - rotations[i + c] * along) / Math.sqrt(square);
  }
  return {
    means: g.means,
    logScales: g.scales.map((v, i) => v * scales[i]),
    quaternions,
    logits: g.opacities.map((v, i) => v * opacities[i] * (1 - opacities[i])),
    colorsDc: g.colorsDc,
  };
}
