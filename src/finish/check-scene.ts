/** An asset of several primitives: one shape, and an atlas for each that has texture coordinates. */
import type { TriangleScene } from '../formats/index.ts';
import { type AtlasCheck, checkMesh, type Finding, type ShapeCheck } from './check-mesh.ts';

export interface SceneCheck {
  readonly vertices: number;
  readonly faces: number;
  readonly shape: ShapeCheck;
  readonly atlases: readonly AtlasCheck[]; // in the order of the primitives that have one
  readonly findings: readonly Finding[];
  readonly isUsable: boolean;
}

export function checkScene({ primitives }: Pick<TriangleScene, 'primitives'>): SceneCheck {
  const positions = new Float32Array(primitives.reduce((sum, p) => sum + p.positions.length, 0));
  const indices = new Uint32Array(primitives.reduce((sum, p) => sum + p.indices.length, 0));
  let v = 0;
  let i = 0;
  for (const p of primitives) {
    positions.set(p.positions, v);
    for (let k = 0; k < p.indices.length; k++) indices[i + k] = v / 3 + p.indices[k];
    v += p.positions.length;
    i += p.indices.length;
  }
  const whole = checkMesh({ positions, indices });
  const atlases: AtlasCheck[] = [];
  const findings = [...whole.findings];
  for (const [number, { positions, indices, uvs, material }] of primitives.entries()) {
    if (!uvs) continue;
    const { atlas, findings: own } = checkMesh({ positions, indices, uvs, texture: material.baseColorTexture });
    if (atlas) atlases.push(atlas);
    const where = primitives.length > 1 ? `Primitive ${number}: ` : '';
    for (const finding of own)
      if (OF_ATLAS.includes(finding.check)) findings.push({ ...finding, message: where + finding.message });
  }
  const isUsable = findings.every(({ severity }) => severity !== 'unusable');
  return { vertices: whole.vertices, faces: whole.faces, shape: whole.shape, atlases, findings, isUsable };
}

const OF_ATLAS: readonly Finding['check'][] = ['uv-not-finite', 'uv-outside', 'uv-overlap', 'blank-texture'];
