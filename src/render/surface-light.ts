/**
 * What light a surface sends to the eye: the toolkit's lights in one bounce, a point lamp, a panel above that fills the
 * sky, and what the ground gives back.
 *
 *   plain   diffuse light alone, nothing shades anything
 *   full    the object shades itself from the lamp and from its surroundings, and shines: a highlight of the lamp (GGX), the
 *           surroundings mirrored, both by the metalness and roughness of the material
 *
 * Source of the highlight: Walter et al. 2007, eq. 33, with Smith's shadowing in the form of Heitz 2014, eq. 99, and
 * Schlick's Fresnel term.
 */
import { reaches, type ShadowMaps, surroundings } from './shadow-maps.ts';
import type { MeshMaterial } from './textured-mesh.ts';

/** Diffuse factors; a white wall in the shade comes out at about 0.45, its lit top clips just above 1. */
export interface Light {
  readonly position: readonly [number, number, number]; // of the lamp, world
  readonly lamp: number;
  readonly sky: number; // from above, (1 + n_z) / 2
  readonly ambient: number; // from everywhere
}

export const defaultLight: Light = { position: [4, 1, 6], lamp: 0.55, sky: 0.45, ambient: 0.22 };

/** A point of a surface, its unit normal on the eye's side, and the unit direction to the eye. */
export interface SurfacePoint {
  sx: number;
  sy: number;
  sz: number;
  nx: number;
  ny: number;
  nz: number;
  ex: number;
  ey: number;
  ez: number;
}

/** Turns the base colour in `out` (linear) into the light that is seen. */
export function lightPlainly(light: Light, { sx, sy, sz, nx, ny, nz }: SurfacePoint, out: Float64Array): void {
  const lx = light.position[0] - sx;
  const ly = light.position[1] - sy;
  const lz = light.position[2] - sz;
  const facing = (nx * lx + ny * ly + nz * lz) / Math.sqrt(lx * lx + ly * ly + lz * lz);
  const energy = light.ambient + light.sky * (0.5 + 0.5 * nz) + light.lamp * Math.max(0, facing);
  out[0] *= energy;
  out[1] *= energy;
  out[2] *= energy;
}

/** Light mirrored at right angles by what is no metal. */
const DIELECTRIC = 0.04;
/** Light that grazes a surface adds little, and one texel of a map beside it says nothing. */
const LEAST_FACING = 0.1;
/** A lamp has a size: the highlight of a mirror is no smaller than that of this. */
const LEAST_ROUGHNESS = 0.25;

export function lightFully(
  light: Light,
  shadows: ShadowMaps,
  { metallic, roughness }: MeshMaterial,
  { sx, sy, sz, nx, ny, nz, ex, ey, ez }: SurfacePoint,
  out: Float64Array,
): void {
  const px = sx + shadows.offset * nx;
  const py = sy + shadows.offset * ny;
  const pz = sz + shadows.offset * nz;

  // The share of the surroundings' light that is not blocked; below the horizon there is only the ground's.
  let open = 0;
  let all = 0;
  for (let k = 0; k < surroundings.length; k += 3) {
    const facing = nx * surroundings[k] + ny * surroundings[k + 1] + nz * surroundings[k + 2];
    if (facing < LEAST_FACING) continue;
    const weight = facing * (light.ambient + (surroundings[k + 2] > 0 ? light.sky : 0));
    all += weight;
    open += weight * reaches(shadows, k / 3 + 1, px, py, pz);
  }
  const share = all > 0 ? open / all : 1;

  let lx = light.position[0] - sx;
  let ly = light.position[1] - sy;
  let lz = light.position[2] - sz;
  const distance = Math.sqrt(lx * lx + ly * ly + lz * lz);
  lx /= distance;
  ly /= distance;
  lz /= distance;
  const nl = nx * lx + ny * ly + nz * lz;
  const lit = nl > 0 ? light.lamp * nl * reaches(shadows, 0, px, py, pz) : 0;

  const nv = Math.max(1e-3, nx * ex + ny * ey + nz * ez);
  const mirroredZ = 2 * nv * nz - ez;
  const sharp = 1 + 3 * (1 - roughness); // a rough surface mirrors a blurred sky
  const above = Math.min(1, Math.max(0, 0.5 + 0.5 * sharp * mirroredZ));
  const around = share * (light.ambient + light.sky * above);
  const grazing = (1 - nv) ** 5;

  let highlight = 0;
  let towardsLamp = 0;
  if (lit > 0) {
    const hx = lx + ex;
    const hy = ly + ey;
    const hz = lz + ez;
    const scale = 1 / Math.max(1e-6, Math.sqrt(hx * hx + hy * hy + hz * hz));
    const nh = (nx * hx + ny * hy + nz * hz) * scale;
    const vh = (ex * hx + ey * hy + ez * hz) * scale;
    const a = Math.max(LEAST_ROUGHNESS, roughness) ** 2;
    const a2 = a * a;
    const d = nh * nh * (a2 - 1) + 1;
    const smith = nl * Math.sqrt(nv * nv * (1 - a2) + a2) + nv * Math.sqrt(nl * nl * (1 - a2) + a2);
    highlight = (lit * a2) / (2 * d * d * smith); // π of the lamp's factor and of GGX cancel
    towardsLamp = (1 - vh) ** 5;
  }
  const diffuse = (1 - metallic) * (lit + share * (light.ambient + light.sky * (0.5 + 0.5 * nz)));
  for (let c = 0; c < 3; c++) {
    const f0 = DIELECTRIC + (out[c] - DIELECTRIC) * metallic;
    const mirrored = f0 + (Math.max(1 - roughness, f0) - f0) * grazing;
    out[c] = out[c] * diffuse + around * mirrored + highlight * (f0 + (1 - f0) * towardsLamp);
  }
}
