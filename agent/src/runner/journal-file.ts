/** The disk under the journal, as a port: a simulation tears writes and fails fsync here. */
export interface JournalFile {
  readAll(): Promise<Uint8Array>;
  /** Adds bytes at the end. A failure may leave part of them there. */
  append(data: Uint8Array): Promise<void>;
  /** Everything appended so far survives a loss of power once this resolves. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  /**
   * Makes sure that the file can grow to `size` bytes, whatever else fills the disk; rejects where there is no such room. On a file system
   * that cannot promise it nothing is done.
   */
  reserve(size: number): Promise<void>;
  /** Puts `data` in the place of everything, all or nothing, and durably, with room to grow to `size` bytes. */
  replace(data: Uint8Array, size: number): Promise<void>;
  close(): Promise<void>;
}
