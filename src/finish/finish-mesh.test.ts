// @ts-expect-error the validator ships without types
import validator from 'gltf-validator';
import { expect, test } from 'vitest';
import { cube, insideOut, sphere, together } from '../../test/solid-shapes.ts';
import { readMesh, writeGlb } from '../formats/index.ts';
import { checkScene } from './check-scene.ts';
import { type FinishEvent, finishMesh } from './finish-mesh.ts';
import { type RawMesh, selectFaces } from './raw-mesh.ts';

/** A ball with a hollow inside, a hole at the top, crumbs beside it, and three vertices of its own for each face. */
function rawBall(): RawMesh {
  const ball = sphere(0.5, 12);
  const open = selectFaces(ball, (f) => ball.positions[3 * ball.indices[3 * f] + 2] < 0.46);
  const shape = together(open, insideOut(sphere(0.2, 6)), cube(0.01, 1, [0.6, 0, 0]));
  const positions = Float32Array.from(
    [...shape.indices].flatMap((v) => [...shape.positions.subarray(3 * v, 3 * v + 3)]),
  );
  const indices = Uint32Array.from(shape.indices, (_, i) => i);
  return { positions, indices, colors: positions.map((x) => Math.min(1, Math.max(0, x + 0.5))) };
}

test('a raw mesh becomes one closed textured part of the size asked for, and the validator passes the file', async () => {
  const events: FinishEvent[] = [];
  let now = 0;
  const clock = () => (now += 500);
  const result = await finishMesh(rawBall(), {
    target: { faces: 400 },
    texture: 128,
    onEvent: (event) => events.push(event),
    clock,
  });
  expect(result.reports.parts.droppedFaces).toBe(12);
  expect(result.reports.insides.removedFaces).toBe(432);
  expect(result.reports.holes.filledHoles).toBe(1);
  expect(result.reports.simplify.flippedFaces).toBe(0);
  expect(result.mesh.indices.length / 3).toBeLessThanOrEqual(400);
  expect(result.check.shape).toMatchObject({ components: 1, isClosed: true, flippedFaces: 0, nonManifoldEdges: 0 });
  expect(result.check.atlas).toMatchObject({ outsideShare: 0, overlapShare: 0, size: 128 });
  expect(result.check.findings).toEqual([]);

  const steps = events.flatMap((event) => (event.kind === 'step' && event.note ? [event.note] : []));
  expect(steps).toEqual(['weld', 'parts', 'insides', 'holes', 'simplify', 'unwrap', 'bake', 'check']);
  const done = events.filter((event) => event.kind === 'done');
  expect(done.map(({ stage }) => stage)).toEqual(steps.map((step) => `finish ${step}`));
  expect(done.every(({ seconds }) => seconds === 0.5)).toBe(true);
  expect(JSON.parse(JSON.stringify(events))).toEqual(events);

  const glb = await writeGlb(result.mesh);
  const { issues } = await validator.validateBytes(glb);
  expect(issues.messages.filter(({ severity }: { severity: number }) => severity < 2)).toEqual([]);
  const { decodePicture } = await import('../formats/index.ts');
  const back = checkScene(await readMesh(glb, '.glb', { decodePicture }));
  expect(back.shape).toMatchObject({ isClosed: true, components: 1 });
  expect(back.atlases).toHaveLength(1);
  expect(back.atlases[0].range![1] - back.atlases[0].range![0]).toBeGreaterThan(200);
});

test('without colours, or with texture 0, there is no texture, and colours stay at the vertices', async () => {
  const { colors, ...plain } = rawBall();
  const bare = await finishMesh(plain, { target: { faces: 300 } });
  expect(bare.mesh.texture).toBeUndefined();
  expect(bare.mesh.colors).toBeUndefined();
  expect(bare.check.shape.isClosed).toBe(true);
  const colored = await finishMesh({ ...plain, colors }, { target: { faces: 300 }, texture: 0 });
  expect(colored.mesh.texture).toBeUndefined();
  expect(colored.mesh.colors!.length).toBe(colored.mesh.positions.length);
});

test('an abort between two steps ends the work with its reason', async () => {
  const controller = new AbortController();
  const onEvent = (event: FinishEvent) => {
    if (event.kind === 'step' && event.note === 'insides') controller.abort(new Error('enough'));
  };
  await expect(finishMesh(rawBall(), { onEvent, signal: controller.signal })).rejects.toThrow('enough');
});

test('long steps tell how far they are, per cent, and an abort is heard in the middle of one', async () => {
  const controller = new AbortController();
  const shares: number[] = [];
  const onEvent = (event: FinishEvent) => {
    if (event.kind !== 'step' || event.stage !== 'finish insides') return;
    expect(event.of).toBe(100);
    shares.push(event.step);
    if (event.step >= 30) controller.abort(new Error('enough'));
  };
  await expect(finishMesh(rawBall(), { onEvent, signal: controller.signal })).rejects.toThrow('enough');
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares.length).toBeGreaterThan(5);
  expect(shares.at(-1)).toBeLessThan(35);
});

test('specks stay when asked for', async () => {
  const { reports } = await finishMesh(rawBall(), { texture: 0, keepSpecks: true });
  expect(reports.parts.droppedParts).toBe(0);
});

test('nothing, and a mesh that cannot be seen, are errors', async () => {
  const empty = { positions: new Float32Array(0), indices: new Uint32Array(0) };
  await expect(finishMesh(empty)).rejects.toThrow('expected at least one face, got none');
  const line = { positions: Float32Array.from([0, 0, 0, 1, 0, 0, 2, 0, 0]), indices: Uint32Array.from([0, 1, 2]) };
  await expect(finishMesh(line)).rejects.toThrow('no face can be seen from outside');
});
