"""What contenders stand on: made days of racing, a lean server for them, a cluster, a meter."""
