// Package upgrade tests that a store of the previous release is migrated in bounded
// time while the released binary keeps serving it. .ci/upgrade builds both binaries
// and runs the test:
//
//	.ci/upgrade            # 50,000 customers
//	.ci/upgrade 1000000
package upgrade
