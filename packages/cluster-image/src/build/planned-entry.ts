/** One entry of a layer to be written: nothing but what decides the bytes of the layer, and where file content comes from. */
export interface PlannedEntry {
  /** In the rootfs, relative, with `/`. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permission bits. */
  readonly mode: number;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Of a file: the path to read, or the bytes themselves. */
  readonly content?: { readonly path: string } | { readonly bytes: Buffer };
}
