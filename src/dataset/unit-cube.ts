/** The scene moved and scaled so that it sits in [−0.5, 0.5]³, centred, its longest side 1: p' = scale·p + offset. */
import { ModelError, type TriangleScene } from '../formats/index.ts';

export interface UnitCubeScene {
  readonly scene: TriangleScene;
  readonly scale: number;
  readonly offset: readonly [number, number, number];
}

/** The box is that of the vertices which triangles use. @throws ModelError when it has no extent */
export function toUnitCube(scene: TriangleScene): UnitCubeScene {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const { positions, indices } of scene.primitives) {
    for (const vertex of indices) {
      for (let c = 0; c < 3; c++) {
        const value = positions[vertex * 3 + c];
        if (value < low[c]) low[c] = value;
        if (value > high[c]) high[c] = value;
      }
    }
  }
  const longest = Math.max(high[0] - low[0], high[1] - low[1], high[2] - low[2]);
  if (!(longest > 0 && Number.isFinite(longest))) {
    throw new ModelError(
      `toUnitCube: the longest side must be finite and above 0, got ${longest}. Check the export's scale.`,
    );
  }
  const scale = 1 / longest;
  const center = low.map((value, c) => (value + high[c]) / 2);
  const primitives = scene.primitives.map((primitive) => {
    const positions = new Float32Array(primitive.positions.length);
    for (let i = 0; i < positions.length; i++) positions[i] = (primitive.positions[i] - center[i % 3]) * scale;
    return { ...primitive, positions };
  });
  const offset = [-center[0] * scale, -center[1] * scale, -center[2] * scale] as const;
  return { scene: { primitives, warnings: scene.warnings }, scale, offset };
}
