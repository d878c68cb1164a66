import { afterEach, beforeEach, expect } from 'vitest'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'

/**
 * Has each test of a suite fail where what it ran left temporary files or processes. Answers where a test
 * has files of its own, which are removed after it.
 */
export function leavesNothing(): { file(name: string): string } {
  const usual = process.env.TMPDIR
  let own: TemporaryDirectory
  let watched: TemporaryDirectory
  beforeEach(async () => {
    own = await TemporaryDirectory.create()
    watched = await TemporaryDirectory.create()
    process.env.TMPDIR = watched.path
  })
  afterEach(async () => {
    if (usual === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usual
    await using _own = own
    await using _watched = watched
    expect(await watched.list()).toEqual([])
    expect(process.getActiveResourcesInfo()).not.toContain('ProcessWrap')
  })
  return { file: (name) => own.file(name) }
}
