import torch

import multilayer as d2l


def test_devices_fall_back_to_the_processor():
    assert d2l.cpu() == torch.device("cpu")
    assert d2l.gpu(1) == torch.device("cuda:1")
    assert d2l.num_gpus() == torch.cuda.device_count()
    assert d2l.try_gpu(d2l.num_gpus()) == torch.device("cpu")
    assert d2l.try_all_gpus() == [torch.device("cuda", i) for i in range(d2l.num_gpus())]


def test_the_first_gpu_is_taken_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert d2l.try_gpu() == torch.device("cuda:0")
    assert d2l.try_all_gpus() == [torch.device("cuda:0"), torch.device("cuda:1")]
    assert d2l.Trainer(max_epochs=1, num_gpus=5).gpus == d2l.try_all_gpus()
    assert d2l.Trainer(max_epochs=1).gpus == []
