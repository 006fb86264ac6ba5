/** `espalier export`: the averaged weights of training runs become a model folder. */
import { Command } from 'commander';
import { exportStructureModel } from '../../src/training/index.ts';

export function exportCommand(): Command {
  return new Command('export')
    .description('training runs → a model folder in the layout of TRELLIS')
    .argument('<flow run>', 'run folder of structure-flow')
    .requiredOption('--vae <run>', 'run folder of structure-vae, or a model folder')
    .requiredOption('--out <dir>', 'model folder to write')
    .addHelpText(
      'after',
      '\nExample:\n  espalier export runs/structure-flow --vae runs/structure-vae --out models/mine',
    )
    .action(async (flow: string, { vae, out }: { vae: string; out: string }) => {
      const { vaeStep, flowStep } = await exportStructureModel({ vae, flow }, out);
      process.stdout.write(
        `${out}: autoencoder ${vaeStep === undefined ? `of ${vae}` : `at step ${vaeStep}`}, flow at step ${flowStep}\n`,
      );
    });
}
