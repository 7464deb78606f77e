/** Rootfs of clusters on this host, as a port over @seal/cluster-image. */
export interface RootfsPort {
  /** Verifies the digest first; `target` appears complete and durable or not at all, and stays as it is when it is there. */
  unpackLayer(
    source: { readonly path: string; readonly mediaType: string; readonly expectedDigest: string },
    target: string,
  ): Promise<unknown>;
  /**
   * Makes the rootfs of unpacked layers, lowest first, with a writable top in `workDir`. With the same layers again it keeps what was
   * written on top, also after a reboot; with other layers it replaces the whole rootfs.
   */
  mount(options: { layerDirs: readonly string[]; mountPoint: string; workDir: string }): Promise<unknown>;
  /** Takes the rootfs away with everything written on top of it. Nothing there is fine. */
  unmount(options: { mountPoint: string; workDir: string }): Promise<void>;
  /** Lays unpacked layers over a rootfs as files, and takes others away. */
  layOver(options: {
    rootfs: string;
    baseDirs: readonly string[];
    overDirs: readonly string[];
    removedDirs: readonly string[];
  }): Promise<void>;
  /** `directories`: relative; absent: those that usually hold templates. */
  renderTemplates(
    rootfs: string,
    env: Readonly<Record<string, string>>,
    directories?: readonly string[],
  ): Promise<readonly string[]>;
}
