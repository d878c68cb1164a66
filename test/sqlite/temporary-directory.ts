import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory for the files of one test, removed with everything in it at the end of its scope. */
export class TemporaryDirectory implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async create(): Promise<TemporaryDirectory> {
    return new TemporaryDirectory(await mkdtemp(join(tmpdir(), 'cq-store-')))
  }

  file(...names: string[]): string {
    return join(this.path, ...names)
  }

  async list(): Promise<string[]> {
    return (await readdir(this.path)).sort()
  }

  async remove(name: string): Promise<void> {
    await rm(this.file(name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}
