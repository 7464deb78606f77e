/** Rootfs of clusters on this host, as a port over @seal/cluster-image. */
export interface RootfsPort {
  /** Mounts (or copies) the layers, lowest first, with a writable top that lives in `stateDir` and survives an unmount by a reboot. */
  mount(options: { layerDirs: readonly string[]; mountPoint: string; stateDir: string }): Promise<void>;
  /** Takes the rootfs away with everything written on top of it. Nothing there is fine. */
  unmount(options: { mountPoint: string; stateDir: string }): Promise<void>;
  renderTemplates(rootfs: string, env: Readonly<Record<string, string>>): Promise<unknown>;
}
