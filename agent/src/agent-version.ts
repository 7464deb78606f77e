/** Written into the bundle when a release is built. */
export const agentVersion: string = process.env.SEAL_VERSION ?? '0.1.0-dev';
