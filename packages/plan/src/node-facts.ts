/** What an agent saw of its host, reported at connect and when asked. Data only; sizes in bytes. */
export interface NodeFacts {
  readonly hostname: string;
  /** Every global address of the host, IPv4 and IPv6, without prefix length. */
  readonly addresses: readonly string[];
  readonly arch: 'amd64' | 'arm64';
  readonly os: { readonly id: string; readonly version: string; readonly kernel: string };
  readonly machineId: string;
  readonly bootId: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  /** Of the file system that holds the agent's data root. */
  readonly diskFreeBytes: number;
  /** TCP ports with a listener on any address, ascending. */
  readonly listeningPorts: readonly number[];
  /** Clusters whose rootfs is on this host (names below the data root). */
  readonly rootfs: readonly string[];
  /** Agent's wall clock when the facts were taken, ms since the epoch. */
  readonly takenAt: number;
  readonly agentVersion: string;
}
