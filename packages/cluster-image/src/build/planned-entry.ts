/** One entry of a layer to be written: nothing but what decides the bytes of the layer, and where file content comes from. */
export interface PlannedEntry {
  /** In the rootfs, relative, with `/`. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permission bits. */
  readonly mode: number;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Of a file. */
  readonly content?: PlannedContent;
}

/** The bytes themselves, a file to read, or a blob of the store, whose digest is known. */
export type PlannedContent =
  | { readonly bytes: Buffer }
  | { readonly path: string }
  | { readonly path: string; readonly digest: string; readonly sizeBytes: number };
