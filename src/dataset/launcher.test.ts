import { expect, test } from 'vitest';
import { shareOfLauncher } from './launcher.ts';

test('without a launcher a process does all the work', () => {
  expect(shareOfLauncher({})).toEqual({ rank: 0, worldSize: 1 });
  expect(shareOfLauncher({ RANK: '3' })).toEqual({ rank: 0, worldSize: 1 }); // half a pair is none
});

test('Open MPI, MPICH, Slurm and torchrun tell rank and world size', () => {
  expect(shareOfLauncher({ OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '4' })).toEqual({ rank: 1, worldSize: 4 });
  expect(shareOfLauncher({ PMI_RANK: '2', PMI_SIZE: '3' })).toEqual({ rank: 2, worldSize: 3 });
  expect(shareOfLauncher({ SLURM_PROCID: '0', SLURM_NTASKS: '2' })).toEqual({ rank: 0, worldSize: 2 });
  expect(shareOfLauncher({ RANK: '7', WORLD_SIZE: '8' })).toEqual({ rank: 7, worldSize: 8 });
});

test('a rank outside the world is an error that names the variables', () => {
  expect(() => shareOfLauncher({ RANK: '8', WORLD_SIZE: '8' })).toThrow(/RANK=8 and WORLD_SIZE=8/);
  expect(() => shareOfLauncher({ PMI_RANK: 'x', PMI_SIZE: '2' })).toThrow(/PMI_RANK=x/);
});
