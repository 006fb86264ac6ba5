/** Colours of vertices as formats without textures hold them: factor × vertex colour × texture, in one number each. */
import { displayOfLinear, linearOfDisplay } from './display-color.ts';
import { NEUTRAL_MATERIAL, type ScenePrimitive, type SceneTexture, type Wrap } from './triangle-scene.ts';

/** Has the primitive a colour worth writing? */
export const isColored = ({ colors, uvs, material }: ScenePrimitive): boolean =>
  colors !== undefined ||
  (uvs !== undefined && material.baseColorTexture !== undefined) ||
  (material !== NEUTRAL_MATERIAL && material.baseColorFactor.some((value) => value !== 1));

/** 8-bit sRGB with alpha, [V, 4]. The texture is sampled where the vertex stands in it, between four texels. */
export function vertexColors({ positions, colors, uvs, material }: ScenePrimitive): Uint8Array {
  const count = positions.length / 3;
  const out = new Uint8Array(count * 4);
  const texture = uvs && material.baseColorTexture;
  const sample = [1, 1, 1, 1];
  for (let v = 0; v < count; v++) {
    if (texture) sampleTexture(texture, uvs[2 * v], uvs[2 * v + 1], sample);
    for (let c = 0; c < 4; c++) {
      const value = material.baseColorFactor[c] * (colors ? colors[4 * v + c] : 1) * sample[c];
      out[4 * v + c] = Math.round(255 * (c < 3 ? displayOfLinear(value) : Math.min(1, Math.max(0, value))));
    }
  }
  return out;
}

/** Bilinear, in linear light: linear RGBA into `out`. */
export function sampleTexture(texture: SceneTexture, u: number, v: number, out: number[]): void {
  const { width, height, data, wrapU, wrapV } = texture;
  const x = u * width - 0.5;
  const y = v * height - 0.5;
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  out.fill(0);
  for (let k = 0; k < 4; k++) {
    const [dx, dy] = [k & 1, k >> 1];
    const weight = (dx ? x - x0 : 1 - x + x0) * (dy ? y - y0 : 1 - y + y0);
    if (!(weight > 0)) continue;
    const at = (wrapped(y0 + dy, height, wrapV) * width + wrapped(x0 + dx, width, wrapU)) * 4;
    for (let c = 0; c < 4; c++) out[c] += weight * (c < 3 ? LINEAR[data[at + c]] : data[at + c] / 255);
  }
}

const LINEAR = Float64Array.from({ length: 256 }, (_, i) => linearOfDisplay(i / 255));

function wrapped(i: number, size: number, wrap: Wrap): number {
  if (wrap === 'clamp') return Math.min(size - 1, Math.max(0, i));
  const period = wrap === 'repeat' ? size : 2 * size;
  const at = ((i % period) + period) % period;
  return at < size ? at : period - 1 - at;
}
