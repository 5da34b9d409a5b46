// The process that holds a pod's namespaces in the test cluster.
module postscreen.dev/test/cluster/pause

go 1.26
