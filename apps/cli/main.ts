#!/usr/bin/env node
/**
 * The `espalier` program: one file per command beside this one, each parsing, calling one library function, presenting.
 * Long work takes `cancelSignal` (cancel.ts) and reports through `progress()` (progress.ts).
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { cancelSignal, listenForCancel } from './cancel.ts';
import { checkCommand } from './check.ts';
import { convertCommand } from './convert.ts';
import { datasetCommand } from './dataset.ts';
import { evalCommand } from './eval.ts';
import { errorText, exitCodeOf, exitCodes, isCancellation } from './exit-codes.ts';
import { exportCommand } from './export.ts';
import { finishCommand } from './finish.ts';
import { generateCommand } from './generate.ts';
import { infoCommand } from './info.ts';
import { renderCommand } from './render.ts';
import { trainCommand } from './train.ts';

/** Every command, in the order of `espalier --help`. A new one is an import and a line here. */
const commands: readonly (() => Command)[] = [
  generateCommand,
  infoCommand,
  convertCommand,
  finishCommand,
  checkCommand,
  renderCommand,
  datasetCommand,
  trainCommand,
  evalCommand,
  exportCommand,
];

function program(): Command {
  const root = new Command('espalier')
    .description('A picture becomes a 3D asset; a folder of models becomes a dataset and trained networks.')
    .version(packageVersion(), '--version')
    .option('--verbose', 'print the stack of an error, not the message alone')
    .addHelpText('after', '\nExample:\n  $ espalier generate examples/trunk.png --out trunk.glb');
  for (const command of commands) root.addCommand(command());
  return root;
}

/** The version in the nearest package.json: three folders up from dist/apps/cli, two from apps/cli. */
function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (name === 'espalier') return version;
    } catch {
      // not at this height: the next one
    }
  }
  throw new Error('internal: espalier finds no package.json above its program file.');
}

// A reader that has seen enough (`espalier info … | head`) closes the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});
listenForCancel();
const root = program();
try {
  await root.parseAsync();
  process.exitCode ??= cancelSignal.aborted ? exitCodes.cancelled : exitCodes.ok;
} catch (error) {
  const cancelled = isCancellation(error, cancelSignal);
  process.stderr.write(cancelled ? 'cancelled\n' : `error: ${errorText(error, root.opts().verbose === true)}\n`);
  process.exitCode = exitCodeOf(error, cancelSignal);
}
// A worker or a native session that is still open must not keep a finished command alive; stdout is flushed first.
process.stdout.write('', () => process.stderr.write('', () => process.exit()));
