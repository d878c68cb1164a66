const [, , path = '', versions = '{}'] = process.argv
const claimed = { ...process.versions, ...(JSON.parse(versions) as object) }
Object.defineProperty(process, 'versions', { value: claimed })

const { SqliteStore, StoreError } = await import('../../../src/index.ts')
try {
  await SqliteStore.open({ path })
  console.log('opened')
} catch (error) {
  console.log(error instanceof StoreError ? `${error.code}: ${error.message}` : String(error))
}
