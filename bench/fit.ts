/**
 * What the fitting examples reach on a real asset:
 *   npx tsx bench/fit.ts gaussians|mesh <model file> <folder for the result>
 * The picture goes to docs/images as well.
 */
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { main as fitGaussians } from '../examples/fit-gaussians.ts';
import { main as fitMesh } from '../examples/fit-mesh.ts';
import { record } from './measure.ts';

const [which, model, folder] = process.argv.slice(2);
if (!(which === 'gaussians' || which === 'mesh') || !folder)
  throw new Error('Usage: npx tsx bench/fit.ts gaussians|mesh <model file> <folder for the result>');
const images = new URL('../docs/images/', import.meta.url);
const began = performance.now();
const time = () => {
  const { user, system } = process.cpuUsage();
  return { minutes: (performance.now() - began) / 60_000, 'CPU minutes of all threads': (user + system) / 60e6 };
};

if (which === 'gaussians') {
  const { gaussians, psnrAtStart, psnrHeldOut } = await fitGaussians(model, folder);
  await copyFile(join(folder, 'held-out.png'), new URL('fit-gaussians.png', images));
  await record('fit-gaussians', 'Gaussians fitted to 60 pictures of an asset', {
    asset: basename(model),
    Gaussians: gaussians.opacities.length,
    'PSNR of 12 held-out pictures at the start, dB': psnrAtStart,
    'PSNR of 12 held-out pictures, dB (aim ≥ 30)': psnrHeldOut,
    ...time(),
  });
} else {
  const { mesh, start, fit } = await fitMesh(model, folder);
  await copyFile(join(folder, 'views.png'), new URL('fit-mesh.png', images));
  const scores = Object.entries({ start, fit }).flatMap(([name, { chamfer, fScore, iou }]) => [
    [`${name}: Chamfer distance`, chamfer],
    [`${name}: F-score at 0.01`, fScore],
    [`${name}: IoU in cells of 1/64`, iou],
  ]);
  await record('fit-mesh', 'A mesh fitted with FlexiCubes to masks, depths and normals of 60 sides, R = 64', {
    asset: basename(model),
    faces: mesh.indices.length / 3,
    ...Object.fromEntries(scores),
    ...time(),
  });
}
