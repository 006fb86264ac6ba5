import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { errorText, exitCodeOf } from './exit-codes.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const espalier = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', main, ...args], { encoding: 'utf8', timeout: 60_000 });

test('--version prints the version of the package and nothing else', () => {
  const run = espalier('--version');
  expect(run.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(run.status).toBe(0);
});

test('--help ends with a line to copy', () => {
  expect(espalier('--help').stdout.trimEnd().split('\n').at(-1)).toMatch(/^ {2}\$ espalier /);
});

test('an unknown command is an error with exit code 1', () => {
  const run = espalier('genrate');
  expect(run.status).toBe(1);
  expect(run.stderr).toMatch(/^error: /);
});

test('without --verbose an error is its message; with it the stack and every cause', () => {
  const error = new Error('outer', { cause: new Error('inner') });
  expect(errorText(error, false)).toBe('outer');
  expect(errorText(error, true)).toMatch(/outer[\s\S]*at [\s\S]*caused by: [\s\S]*inner/);
});

test('a cancelled run ends with 130, and an error during it that is not the cancellation with 1', () => {
  const controller = new AbortController();
  expect(exitCodeOf(new Error('x'), controller.signal)).toBe(1);
  controller.abort(new DOMException('cancelled', 'AbortError'));
  expect(exitCodeOf(controller.signal.reason, controller.signal)).toBe(130);
  expect(exitCodeOf(new Error('x'), controller.signal)).toBe(1);
});

test('Ctrl-C aborts the signal that commands pass on; a second one ends a program that does not answer', async () => {
  const cancel = new URL('./cancel.ts', import.meta.url).href;
  const program = `
    const { cancelSignal, listenForCancel } = await import(${JSON.stringify(cancel)});
    listenForCancel();
    cancelSignal.addEventListener('abort', () => console.log('aborted'));
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
    child.kill('SIGINT'); // once after 'ready', once after 'aborted'
  });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  expect(said).toBe('ready\naborted\n');
  expect(code).toBe(130);
});
