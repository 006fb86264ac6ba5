/** The fitting examples, shortened: that they arrive shows that the gradients lead there. */
// @ts-expect-error the validator ships without types
import validator from 'gltf-validator';
import { expect, test } from 'vitest';
import { exampleAsset } from '../examples/example-asset.ts';
import { finishFit } from '../examples/finish-fit.ts';
import { fitGaussians } from '../examples/fit-gaussians.ts';
import { fitMesh } from '../examples/fit-mesh.ts';
import { writeGlb } from '../src/formats/index.ts';
import { vertexNormals } from '../src/representations/index.ts';

test('Gaussians come to resemble pictures that they were not fitted to', async () => {
  const { psnrAtStart, psnrHeldOut, sheet } = await fitGaussians(await exampleAsset(), {
    size: 64,
    cells: 32,
    perCell: 2,
    steps: 60,
  });
  expect(psnrHeldOut).toBeGreaterThan(psnrAtStart + 3);
  expect(psnrHeldOut).toBeGreaterThan(26);
  expect([sheet.width, sheet.height]).toEqual([4 * 68 + 4, 2 * 68 + 4]);
});

test('a mesh comes nearer to the shape whose masks, depths and normals it was fitted to, and becomes an asset', async () => {
  const { mesh, start, fit } = await fitMesh(await exampleAsset(), { resolution: 20, size: 64, steps: 60 });
  expect(fit.chamfer).toBeLessThan(start.chamfer / 3);
  expect(fit.iou).toBeGreaterThan(start.iou + 0.2);
  await expectValid(await writeGlb({ ...mesh, normals: vertexNormals(mesh.positions, mesh.indices) }));

  // In the colours of blue Gaussians all over it.
  const count = mesh.positions.length / 3;
  const blue = {
    means: mesh.positions,
    scales: new Float32Array(3 * count).fill(0.03),
    rotations: Float32Array.from({ length: 4 * count }, (_, i) => (i % 4 === 0 ? 1 : 0)),
    opacities: new Float32Array(count).fill(0.99),
    colorsDc: Float32Array.from({ length: 3 * count }, (_, i) => (i % 3 === 2 ? 1.7 : -1.7)),
  };
  const { finished, sheet } = await finishFit(mesh, blue, { faces: 600, texture: 128, views: 12, size: 96 });
  expect(finished.check.isUsable).toBe(true);
  await expectValid(await writeGlb(finished.mesh));
  expect([sheet.width, sheet.height]).toEqual([4 * 260 + 4, 2 * 260 + 4]);
  const { data } = finished.mesh.texture!;
  expect(data[2]).toBeGreaterThan(150);
  expect(data[0]).toBeLessThan(60);
}, 400_000);

async function expectValid(glb: Uint8Array): Promise<void> {
  const { issues } = await validator.validateBytes(glb);
  expect(issues.messages.filter(({ severity }: { severity: number }) => severity < 2)).toEqual([]);
}
