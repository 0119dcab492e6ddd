"""A Ray cluster of two nodes on this machine."""

import pytest


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with one CPU each, on ports of their own."""
    import ray
    from ray.cluster_utils import Cluster

    memory = 80 * 2**20
    head = {"num_cpus": 1, "object_store_memory": memory, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1, object_store_memory=memory)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    yield cluster
    ray.shutdown()
    cluster.shutdown()
