/** Threads draw pieces of work from a counter at address 0, which the pool sets to zero before each run. */

/** The first of the next `piece` numbers that no other thread has. */
export function draw(piece: i32): i32 {
  return atomic.add<i32>(0, piece);
}
