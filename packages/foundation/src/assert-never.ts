/** For the default branch of a switch over a closed union: a missing case does not compile, an impossible value throws. */
export function assertNever(value: never): never {
  throw new Error(`impossible value ${JSON.stringify(value)}`);
}
