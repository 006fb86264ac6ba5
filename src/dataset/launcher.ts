/** Which process of a launch this is, and how many there are. */
export interface Share {
  rank: number;
  worldSize: number;
}

/** Environment variables of launchers, in the order they are looked at: Open MPI, MPICH and Intel MPI, Slurm, torchrun. */
const LAUNCHERS = [
  ['OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'],
  ['PMI_RANK', 'PMI_SIZE'],
  ['SLURM_PROCID', 'SLURM_NTASKS'],
  ['RANK', 'WORLD_SIZE'],
] as const;

/** This process's share of the work as its launcher's environment tells it; all of it without a launcher. */
export function shareOfLauncher(environment: Readonly<Record<string, string | undefined>>): Share {
  for (const [rankName, sizeName] of LAUNCHERS) {
    const [rank, worldSize] = [environment[rankName], environment[sizeName]];
    if (rank === undefined || worldSize === undefined) continue;
    const share = { rank: Number(rank), worldSize: Number(worldSize) };
    const isSound =
      Number.isInteger(share.rank) &&
      Number.isInteger(share.worldSize) &&
      share.rank >= 0 &&
      share.rank < share.worldSize;
    if (!isSound)
      throw new Error(
        `launcher: ${rankName}=${rank} and ${sizeName}=${worldSize} must be whole numbers, the first below the second. Give --rank and --world-size instead.`,
      );
    return share;
  }
  return { rank: 0, worldSize: 1 };
}
