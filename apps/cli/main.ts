#!/usr/bin/env node
/**
 * The `espalier` program: one file per command beside this one, each parsing, calling one library function, presenting.
 * Long work takes `cancelSignal` (cancel.ts) and reports through `progress()` (progress.ts).
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { cancelSignal, listenForCancel } from './cancel.ts';
import { errorText, exitCodeOf, exitCodes, isCancellation } from './exit-codes.ts';

/** Every command, in the order of `espalier --help`. A new one is a line here. Only what is asked for is loaded: all take a second. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  generate: async () => (await import('./generate.ts')).generateCommand(),
  info: async () => (await import('./info.ts')).infoCommand(),
  convert: async () => (await import('./convert.ts')).convertCommand(),
  finish: async () => (await import('./finish.ts')).finishCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  render: async () => (await import('./render.ts')).renderCommand(),
  dataset: async () => (await import('./dataset.ts')).datasetCommand(),
  train: async () => (await import('./train.ts')).trainCommand(),
  eval: async () => (await import('./eval.ts')).evalCommand(),
  export: async () => (await import('./export.ts')).exportCommand(),
};

async function program(): Promise<Command> {
  const root = new Command('espalier')
    .description('A picture becomes a 3D asset; a folder of models becomes a dataset and trained networks.')
    .version(packageVersion(), '--version')
    .option('--verbose', 'print the stack of an error, not the message alone')
    .addHelpText('after', '\nExample:\n  $ espalier generate examples/chair.png --out chair.glb');
  const asked = process.argv.slice(2).find((word) => !word.startsWith('-')) ?? '';
  const wanted = Object.hasOwn(commands, asked) ? [asked] : Object.keys(commands);
  for (const name of wanted) root.addCommand(await commands[name]());
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
const root = await program();
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
