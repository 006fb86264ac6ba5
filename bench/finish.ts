/**
 * Finishing: a raw mesh of 500 k faces → 50 k faces and a texture of 1024², seconds per stage. The mesh is a bumpy ball
 * with a hollow inside, a hole and crumbs, three vertices of its own for each face, coloured by its place.
 *
 *   npx tsx bench/finish.ts [repetitions] [faces of the raw mesh]
 */
import { FINISH_STEPS, type FinishEvent, finishMesh, type RawMesh } from '../src/finish/index.ts';
import { sphere } from '../test/solid-shapes.ts';
import { median, peakRssGb, record, rounds } from './measure.ts';

const rawFaces = Number(process.argv[3] ?? 500_000);
const raw = rawMesh(rawFaces);
const cpu = () => process.cpuUsage().user / 1e6;
const seconds: Record<string, number[]> = {};
let result: Awaited<ReturnType<typeof finishMesh>> | undefined;
for (let round = 0; round < rounds(3); round++) {
  const onEvent = (event: FinishEvent) => {
    if (event.kind !== 'done') return;
    console.error(event.stage, event.summary, event.seconds.toFixed(1), 's, CPU', cpu().toFixed(1));
    seconds[event.stage] ??= [];
    seconds[event.stage].push(event.seconds);
  };
  const start = performance.now();
  const before = cpu();
  result = await finishMesh(raw, { target: { faces: 50_000 }, texture: 1024, onEvent, clock: () => performance.now() });
  seconds.cpu ??= [];
  seconds.cpu.push(cpu() - before);
  seconds.whole ??= [];
  seconds.whole.push((performance.now() - start) / 1000);
}
if (!result) throw new Error('bench/finish: give at least one repetition.');
await record('finish', `Finishing: ${raw.indices.length / 3} raw faces → 50 k faces, texture 1024²`, {
  ...Object.fromEntries(FINISH_STEPS.map((step) => [`${step}, s, median`, median(seconds[`finish ${step}`])])),
  'all steps, s, median': median(seconds.whole),
  'all steps, CPU s, median': median(seconds.cpu),
  'all steps, s, spread': `${Math.min(...seconds.whole).toFixed(2)} … ${Math.max(...seconds.whole).toFixed(2)}`,
  'faces of the result': result.mesh.indices.length / 3,
  'volume kept': result.check.shape.volume / ballVolume(),
  charts: result.reports.unwrap?.charts ?? 0,
  findings: result.check.findings.map(({ check }) => check).join(', ') || 'none',
  'peak RSS, GB': peakRssGb(),
  repetitions: seconds.whole.length,
});

/** Nine tenths of the faces in the ball, one tenth in the hollow, turned inward. */
function rawMesh(faces: number): RawMesh {
  const ball = bumpy(sphere(0.45, Math.round(Math.sqrt((0.9 * faces) / 12))).positions);
  const shapes = [
    { ...sphere(0.45, Math.round(Math.sqrt((0.9 * faces) / 12))), positions: ball, turn: false },
    { ...sphere(0.3, Math.round(Math.sqrt((0.1 * faces) / 12))), turn: true },
    ...[0, 1, 2, 3].map((i) => ({ ...sphere(0.004, 4, [0.55, 0.02 * i, 0]), turn: false })),
  ];
  const corners = shapes.reduce((sum, { indices }) => sum + indices.length, 0);
  const positions = new Float32Array(corners * 3);
  let next = 0;
  for (const { positions: p, indices, turn } of shapes) {
    for (let f = 0; f < indices.length; f += 3) {
      const face = turn ? [indices[f], indices[f + 2], indices[f + 1]] : indices.subarray(f, f + 3);
      if (face.every((v) => p[3 * v + 2] > 0.445)) continue; // the hole
      for (const v of face) {
        positions.set(p.subarray(3 * v, 3 * v + 3), next);
        next += 3;
      }
    }
  }
  const used = positions.slice(0, next);
  return {
    positions: used,
    indices: Uint32Array.from({ length: next / 3 }, (_, i) => i),
    colors: used.map((x) => 0.5 + 0.8 * x),
  };
}

function bumpy(positions: Float32Array): Float32Array {
  return positions.map((x, i) => {
    const v = 3 * Math.floor(i / 3);
    const [px, py, pz] = positions.subarray(v, v + 3);
    return x * (1 + 0.02 * Math.sin(25 * px) * Math.sin(25 * py) * Math.sin(25 * pz));
  });
}

function ballVolume(): number {
  return (4 / 3) * Math.PI * 0.45 ** 3;
}
