/** Ends sealctl with an exit code that is not that of a Problem: that of a command which `exec` ran on nodes. */
export class ExitWith extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}
