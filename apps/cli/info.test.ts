import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { saveOfficialFolder } from '../../test/official-folder.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const env = { ...process.env, HF_HUB_OFFLINE: '1', HF_HUB_CACHE: join(tmpdir(), 'espalier-no-cache') };
const info = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', main, 'info', ...args], { encoding: 'utf8', timeout: 60_000, env });

test('a text model is told: what it makes, its networks, what is left out, both samplers', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'espalier-info-')), 'model');
  await saveOfficialFolder(folder, { takes: 'text' });
  const run = info(folder, '--check');
  expect(run.stderr).toBe('');
  const lines = run.stdout.trimEnd().split('\n');
  expect(lines[0]).toBe(`${folder} makes: text → shape`);
  expect(lines[1]).toMatch(
    /^ {2}sparse_structure_flow_model +SparseStructureFlowModel +\d+\.\d\d M +F16\/F32 +\d+\.\d MB$/,
  );
  expect(run.stdout).toMatch(/text_cond_model +CLIPTextModel .* F32 /);
  expect(run.stdout).toContain('unheard_of: left out, no stage knows this role');
  expect(run.stdout).toContain('every weight finite');
  expect(lines.at(-1)).toBe('  latent: 3 steps, guidance 7.5 in [0.5, 0.95], rescale 3');
  const told = JSON.parse(info(folder, '--json').stdout);
  expect(told).toMatchObject({ takes: 'text', makes: ['text → shape'] });
  expect(told.networks).toHaveLength(3);
});

test('what is no model is an error that names both places it was looked for', () => {
  const run = info('owner/none');
  expect(run.status).toBe(1);
  expect(run.stderr).toMatch(
    /^error: "owner\/none" is no folder here, and of the Hub's model of that name: .*HF_HUB_OFFLINE is set/,
  );
});
