echo "tool goes" >>/var/log/seal-scenario/tool
