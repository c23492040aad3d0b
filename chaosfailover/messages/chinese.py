"""
The Chinese catalogue, simplified characters.
"""

from collections.abc import Mapping

__all__ = ["CHINESE"]

CHINESE: Mapping[str, str] = {
    # Why a verdict: what ended the question
    "reason.aborted": "运行被中止：{reason}。",
    "reason.safeguard": "安全保护 {name} 停止了运行。",
    # what a conclusion needs
    "reason.dry": "这是一次空跑（{dry}）：略去的步骤什么也证明不了。",
    "reason.preflight": "预检“{name}”未通过：{detail}。",
    "reason.unsteady": "切断前未达到稳态：{probes}。",
    "reason.unread_before": "切断前没有任何观测：既未读取假设，也未探测目标。",
    "reason.cut_failed": "执行切断的操作 {name} 失败：{error}。",
    "reason.no_cut": "没有切断任何线路：未见任何故障演练任务进入 Testing 状态。",
    "reason.no_bite": "{test} 的切断没有生效：物理专线、VBR 和 BGP 会话的状态均无变化，也没有任何丢失。",
    "reason.lossy": "基线存在丢失：{target} 在切断前的 {sent} 次探测中丢失了 {lost} 次。",
    # what contradicts the hypothesis
    "reason.deviated_after": "执行方法后偏离了假设：{probes}。",
    "reason.deviated_during": "方法执行期间偏离了假设，{total} 次读取中有 {count} 次：{probes}。",
    "reason.rto": "{test} 切断后 {target} 最长中断 {at_most} 秒，超过其 RTO {rto} 秒。",
    "reason.rto_open": "停止 {test} 的切断时，{target} 至少已中断 {at_most} 秒，超过其 RTO {rto} 秒。",
    "reason.unrecovered": "直到停止 {test} 的切断，{target} 都没有恢复。",
    "reason.down_at_end": "测量结束时 {target} 仍处于中断状态。",
    "reason.rollback": "回滚 {name} 失败：{error}。",
    # what keeps the run from having shown the whole
    "reason.running": "故障演练任务 {test} 可能仍在运行：{error}。",
    "reason.interrupted": "运行在结束前被打断。",
    "reason.signal": "运行被信号 {name} 打断。",
    "reason.action": "操作 {name} 失败：{error}。",
    "reason.probe": "方法中的探测 {name} 失败：{error}。",
    "reason.few_before": "切断前 {target} 只被探测了 {sent} 次，不足以作为基线。",
    "reason.few_during": "切断期间 {target} 只被探测了 {sent} 次，不足以得出测量结果。",
    "reason.unmeasured": "{target} 在 {duration} 秒中有 {unmeasured} 秒未被测量。",
    "reason.unread_after": "切断后没有任何观测：既未读取假设，也未探测目标。",
    "reason.nothing": "没有任何观测。",
    # what speaks for the network
    "reason.hypothesis_held": "执行方法后满足假设。",
    "reason.within_rto": "{test} 切断后 {target} 中断 {at_least} 至 {at_most} 秒，在其 RTO {rto} 秒之内。",
    "reason.recovered": "{test} 切断后 {target} 中断 {at_least} 至 {at_most} 秒；未设 RTO。",
    "reason.no_loss": "{test} 进行期间 {target} 没有任何丢失。",
}
