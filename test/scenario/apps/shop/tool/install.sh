echo "tool of $ClusterName shared $Shared" >>/var/log/seal-scenario/tool
