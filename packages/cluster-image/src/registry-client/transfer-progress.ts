/** How far a pull or a push is; called at every step, often. */
export interface TransferProgress {
  /** Blobs and manifests that the image has, and how many of them are where they should be. */
  readonly totalBlobs: number;
  readonly doneBlobs: number;
  /** Bytes of the image, and how many of them are where they should be (bytes that were there already count at once). */
  readonly totalBytes: number;
  readonly doneBytes: number;
  /** Bytes that had or have to be moved. */
  readonly missingBytes: number;
}

/** Counts for one transfer. */
export function makeTransferMeter(
  blobs: readonly { readonly size: number }[],
  onProgress: ((progress: TransferProgress) => void) | undefined,
) {
  const totalBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  const state = { totalBlobs: blobs.length, doneBlobs: 0, totalBytes, doneBytes: 0, missingBytes: totalBytes };
  const tell = () => onProgress?.({ ...state });
  return {
    /** A blob that needed no move. */
    found(size: number): void {
      state.doneBlobs += 1;
      state.doneBytes += size;
      state.missingBytes -= size;
      tell();
    },
    moved(bytes: number): void {
      state.doneBytes += bytes;
      if (bytes !== 0) tell();
    },
    finished(): void {
      state.doneBlobs += 1;
      tell();
    },
  };
}
