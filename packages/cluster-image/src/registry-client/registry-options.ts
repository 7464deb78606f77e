import type { Credential } from './credential.ts';

/** What the caller says about registries; all of it may be left out but the environment. */
export interface RegistryOptions {
  /** Environment and home directory in which credentials and settings are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** The only file of credentials to look into; as REGISTRY_AUTH_FILE. */
  readonly authFile?: string;
  /** What to show to a registry for a repository, in place of what the files have; undefined: nothing. */
  readonly credentials?: (registry: string, repository: string) => Promise<Credential | undefined>;
  /** Settings of registries. Default: $SEAL_REGISTRIES, else /etc/seal/registries.yaml; a missing file has no settings. */
  readonly settingsFile?: string;
  /** File with PEM certificates of authorities that count beside the system's. */
  readonly caFile?: string;
  /** The same as text. */
  readonly caPem?: string;
  /** The only directory of certificates to look into, laid out as certs.d/HOST: `*.crt`, `*.cert` with `*.key`. */
  readonly certDirectory?: string;
  /** Take any certificate, and plain HTTP where the registry does not speak TLS. Each is told to `onWarning`. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
  readonly onWarning?: (message: string) => void;
  /** First wait before a request is tried again, doubled each time. Default 500 ms. */
  readonly retryMilliseconds?: number;
  /** Tries of one request, and of one transfer without any progress. Default 5. */
  readonly tries?: number;
}
