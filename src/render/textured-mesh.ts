/**
 * A scene laid out for the triangle rasteriser: one vertex table for all primitives, textures as mip pyramids in
 * linear light. Built once per asset, drawn from many sides.
 */
import type { SceneTexture, TriangleScene, Wrap } from '../formats/index.ts';
import { srgbToLinearTable } from './srgb.ts';

export interface TexturedMesh {
  readonly positions: Float32Array; // [V, 3]
  readonly normals: Float32Array; // [V, 3], zero where there is none
  readonly uvs: Float32Array; // [V, 2]
  readonly colors: Float32Array; // [V, 4], linear RGBA
  readonly triangles: Uint32Array; // [F, 3]
  readonly materialOf: Uint16Array; // [F], index into materials
  readonly materials: readonly MeshMaterial[];
}

export interface MeshMaterial {
  readonly factor: readonly [number, number, number, number]; // linear RGBA
  readonly texture?: MipPyramid;
  readonly alphaMode: 'opaque' | 'mask' | 'blend';
  readonly alphaCutoff: number;
  readonly unlit: boolean;
  readonly metallic: number;
  readonly roughness: number;
}

/** Of materials that do not say; what the writers of models take, too. */
const PLAIN_SHINE = { metallic: 0, roughness: 0.8 };

/** Level 0 is the picture itself; each further level halves both sides, down to one texel. */
export interface MipPyramid {
  readonly levels: readonly MipLevel[];
  readonly wrapU: Wrap;
  readonly wrapV: Wrap;
}

export interface MipLevel {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array; // [height, width, 4], linear RGBA, colour not premultiplied
}

export function texturedMesh(scene: TriangleScene): TexturedMesh {
  const vertexCount = scene.primitives.reduce((sum, p) => sum + p.positions.length / 3, 0);
  const indexCount = scene.primitives.reduce((sum, p) => sum + p.indices.length, 0);
  const mesh = {
    positions: new Float32Array(vertexCount * 3),
    normals: new Float32Array(vertexCount * 3),
    uvs: new Float32Array(vertexCount * 2),
    colors: new Float32Array(vertexCount * 4).fill(1),
    triangles: new Uint32Array(indexCount),
    materialOf: new Uint16Array(indexCount / 3),
    materials: [] as MeshMaterial[],
  };
  const pyramids = new Map<SceneTexture, MipPyramid>();
  let v = 0;
  let i = 0;
  for (const p of scene.primitives) {
    mesh.positions.set(p.positions, v * 3);
    if (p.normals) mesh.normals.set(p.normals, v * 3);
    if (p.uvs) mesh.uvs.set(p.uvs, v * 2);
    if (p.colors) mesh.colors.set(p.colors, v * 4);
    for (let k = 0; k < p.indices.length; k++) mesh.triangles[i + k] = v + p.indices[k];
    mesh.materialOf.fill(mesh.materials.length, i / 3, (i + p.indices.length) / 3);
    const source = p.uvs && p.material.baseColorTexture;
    let texture = source && pyramids.get(source);
    if (source && !texture) {
      texture = mipPyramid(source);
      pyramids.set(source, texture);
    }
    const { alphaMode, alphaCutoff, unlit, baseColorFactor } = p.material;
    const { metallic = PLAIN_SHINE.metallic, roughness = PLAIN_SHINE.roughness } = p.material;
    mesh.materials.push({ factor: baseColorFactor, texture, alphaMode, alphaCutoff, unlit, metallic, roughness });
    v += p.positions.length / 3;
    i += p.indices.length;
  }
  return mesh;
}

/** Averages in linear light, weighted by alpha so that colour hidden under alpha 0 never bleeds. */
function mipPyramid(texture: SceneTexture): MipPyramid {
  const { width, height, data } = texture;
  const base = new Float32Array(width * height * 4);
  for (let i = 0; i < base.length; i += 4) {
    base[i] = srgbToLinearTable[data[i]];
    base[i + 1] = srgbToLinearTable[data[i + 1]];
    base[i + 2] = srgbToLinearTable[data[i + 2]];
    base[i + 3] = data[i + 3] / 255;
  }
  const levels: MipLevel[] = [{ width, height, data: base }];
  while (levels[levels.length - 1].width > 1 || levels[levels.length - 1].height > 1) {
    levels.push(halve(levels[levels.length - 1]));
  }
  return { levels, wrapU: texture.wrapU, wrapV: texture.wrapV };
}

function halve(src: MipLevel): MipLevel {
  const width = Math.max(1, src.width >> 1);
  const height = Math.max(1, src.height >> 1);
  const data = new Float32Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    const y0 = Math.min(2 * y, src.height - 1) * src.width;
    const y1 = Math.min(2 * y + 1, src.height - 1) * src.width;
    for (let x = 0; x < width; x++) {
      const x0 = Math.min(2 * x, src.width - 1);
      const x1 = Math.min(2 * x + 1, src.width - 1);
      const at = [(y0 + x0) * 4, (y0 + x1) * 4, (y1 + x0) * 4, (y1 + x1) * 4];
      const out = (y * width + x) * 4;
      let alpha = 0;
      for (const a of at) alpha += src.data[a + 3];
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (const a of at) sum += src.data[a + c] * (alpha > 0 ? src.data[a + 3] / alpha : 0.25);
        data[out + c] = sum;
      }
      data[out + 3] = alpha / 4;
    }
  }
  return { width, height, data };
}
