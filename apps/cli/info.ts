/** `espalier info`: what a model folder holds. */
import { Command } from 'commander';
import { loadModel } from '../../src/index.ts';
import { shippedModel } from './generate.ts';

export function infoCommand(): Command {
  return new Command('info')
    .description('networks, parameters and precision of a model folder, every weight checked')
    .argument('[model dir]', 'model folder (default: the small one that ships)')
    .option('--json', 'write the description as JSON', false)
    .addHelpText('after', '\nExample:\n  espalier info models/mini')
    .action(info);
}

async function info(folder: string | undefined, { json }: { json: boolean }): Promise<void> {
  const model = await loadModel(folder ?? shippedModel());
  const networks = Object.entries(model.networks).map(([role, n]) => ({
    role,
    class: n.name,
    parameters: n.parameters,
    bytes: n.bytes,
    precision: [...new Set(Object.values(n.dtypes))].join('/'),
    config: n.config,
  }));
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ folder: model.folder, makes: ['picture → shape'], sampler: model.structureSampler, networks }, undefined, 2)}\n`,
    );
    return;
  }
  const { steps, guidance, interval, rescale } = model.structureSampler;
  const lines = networks.map(
    (n) =>
      `  ${n.role.padEnd(28)} ${n.class.padEnd(26)} ${(n.parameters / 1e6).toFixed(2).padStart(8)} M  ${n.precision.padEnd(8)} ${(n.bytes / 1e6).toFixed(1)} MB`,
  );
  const total = networks.reduce((sum, n) => sum + n.bytes, 0);
  process.stdout.write(
    `${model.folder}: a picture becomes a shape\n${lines.join('\n')}\n  ${(total / 1e6).toFixed(1)} MB in all; sampler: ${steps} steps, guidance ${guidance} in [${interval}], rescale ${rescale}\n`,
  );
}
