/** The server's store of blobs, as far as HTTP needs it. */
export interface BlobFiles {
  /** Where a blob is, or would be. */
  path(digest: string): string;
  has(digest: string): Promise<boolean>;
  /** Takes over a finished, synced and verified file on the same file system, by renaming it. */
  adopt(digest: string, temporaryFile: string): Promise<void>;
  /** For files on their way in; on the same file system as the blobs. */
  readonly temporaryFolder: string;
}
