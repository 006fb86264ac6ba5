/** `espalier info`: what a model holds and what can be made with it. */
import { Command } from 'commander';
import { checkModel, describeModel, loadModel, type ModelDescription } from '../../src/index.ts';
import { cancelSignal } from './cancel.ts';
import { shippedModel } from './generate.ts';
import { progress } from './progress.ts';

interface InfoFlags {
  check: boolean;
  json: boolean;
}

export function infoCommand(): Command {
  return new Command('info')
    .description('networks, parameters, precision of a model, and what can be made with it')
    .argument('[model]', 'model folder, or a Hub id owner/name (default: the small one that ships)')
    .option('--check', 'read every weight and refuse any that is not finite', false)
    .option('--json', 'write the description as JSON', false)
    .addHelpText('after', '\nExample:\n  espalier info models/mini')
    .action(info);
}

async function info(name: string | undefined, { check, json }: InfoFlags): Promise<void> {
  const shown = progress();
  const work = { signal: cancelSignal, onEvent: shown.onEvent };
  let described: ModelDescription;
  try {
    const model = await loadModel(name ?? shippedModel(), { ...work, fetch: 'later' });
    if (check) await checkModel(model, work);
    described = describeModel(model);
  } finally {
    shown.end();
  }
  process.stdout.write(json ? `${JSON.stringify(described, undefined, 2)}\n` : text(described, check));
}

function text(model: ModelDescription, checked: boolean): string {
  const rows = model.networks.map((n) => [
    n.role,
    n.class,
    `${(n.parameters / 1e6).toFixed(2)} M`,
    n.precision,
    `${(n.bytes / 1e6).toFixed(1)} MB`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row: string[]) =>
    `  ${row.map((cell, i) => (i === 2 || i === 4 ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ')}`;
  const sampler = (name: string, { steps, guidance, interval, rescale }: ModelDescription['sampler']) =>
    `  ${name}: ${steps} steps, guidance ${guidance} in [${interval.join(', ')}], rescale ${rescale}`;
  return [
    `${model.folder} makes: ${model.makes.join(', ')}`,
    ...rows.map(line),
    ...model.leftOut.map(({ role, reason }) => `  ${role}: left out, ${reason}`),
    `  ${(model.bytes / 1e6).toFixed(1)} MB in all${checked ? ', every weight finite' : ''}`,
    `${sampler('structure', model.sampler)}${model.candidates === 1 ? '' : `, ${model.candidates} candidates for an asset`}`,
    ...(model.latentSampler ? [sampler('latent', model.latentSampler)] : []),
    '',
  ].join('\n');
}
