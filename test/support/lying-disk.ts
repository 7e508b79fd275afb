/** A disk that says it has synchronized, and has not: what an experiment must find out. */
import type { Disk } from '#env';

export function lyingDisk<D extends Disk>(disk: D): D {
  const open: Disk['open'] = async (path, how) => {
    const file = await disk.open(path, how);
    file.sync = async () => await Promise.resolve();
    return file;
  };
  // The methods of the simulated disk use private fields, so they are called on it.
  return new Proxy(disk, {
    get(target, name) {
      if (name === 'open') return open;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
